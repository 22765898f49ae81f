/** Settings of webhooks: where events go and what signs them (Standard Webhooks). */
import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import type { SERVER_SETTINGS } from './server.js';
import { list, number, type ReportFault, text, type ValuesOf } from './setting.js';

export const WEBHOOK_SETTINGS = [
  list('webhooks.urls', [], 'URLs that events are sent to, comma separated.'),
  text(
    'webhooks.secret',
    '',
    'Signs webhooks: `whsec_` and 24 to 64 bytes in base64 (Standard Webhooks).',
    { secret: true },
  ),
  number(
    'webhooks.giveUpSeconds',
    { unit: 'seconds', min: 1, max: 604_800, default: 3600 },
    'How long an event is sent again to a destination that does not take it.',
  ),
] as const;

export interface WebhookConfig {
  readonly urls: readonly string[];
  /** The bytes that sign. */
  readonly secret: Buffer;
  /** An event older than this is not sent again. */
  readonly giveUpMs: number;
  /** Of events that are not delivered yet. */
  readonly folder: string;
}

/** A new secret as Standard Webhooks writes it: `whsec_` and bytes in base64. */
export function makeWebhookSecret(): string {
  return `whsec_${randomBytes(32).toString('base64')}`;
}

/** Undefined without destinations. */
export function webhookConfig(
  values: ValuesOf<typeof WEBHOOK_SETTINGS | typeof SERVER_SETTINGS>,
  report: ReportFault,
): WebhookConfig | undefined {
  const urls = values['webhooks.urls'];
  if (urls.length === 0) return undefined;
  for (const url of urls) {
    if (URL.canParse(url) && /^https?:$/.test(new URL(url).protocol)) continue;
    report('webhooks.urls', `${url} is not an http or https URL`);
  }
  const match = /^whsec_([A-Za-z0-9+/]+=*)$/.exec(values['webhooks.secret']);
  const secret = Buffer.from(match?.[1] ?? '', 'base64');
  if (secret.length < 24 || secret.length > 64) {
    report(
      'webhooks.secret',
      'must be whsec_ and 24 to 64 bytes in base64',
      `Set TESSERA_WEBHOOKS_SECRET=${makeWebhookSecret()} (a new secret).`,
    );
  }
  const giveUpMs = values['webhooks.giveUpSeconds'] * 1000;
  return { urls, secret, giveUpMs, folder: join(values['data.dir'], 'webhooks') };
}
