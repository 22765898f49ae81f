import { randomBytes } from 'node:crypto';
import type { WebhookOptions } from '../api/webhook-sender.js';
import { TesseraError } from '../errors.js';
import { listOf, numberOf, type Settings, textOf } from './load.js';

/** A secret as Standard Webhooks writes it: `whsec_` and bytes in base64. */
export function makeWebhookSecret(): string {
  return `whsec_${randomBytes(32).toString('base64')}`;
}

/** Undefined without destinations. @throws TesseraError `bad_config`. */
export function webhookOptions(settings: Settings): WebhookOptions | undefined {
  const urls = listOf(settings, 'webhooks.urls');
  if (urls.length === 0) return undefined;
  const wrong = urls.find((url) => !URL.canParse(url) || !/^https?:$/.test(new URL(url).protocol));
  if (wrong !== undefined) {
    throw new TesseraError('bad_config', `webhooks.urls: ${wrong} is no http(s) URL`);
  }
  const match = /^whsec_([A-Za-z0-9+/]+=*)$/.exec(textOf(settings, 'webhooks.secret'));
  const secret = Buffer.from(match?.[1] ?? '', 'base64');
  if (secret.length < 24 || secret.length > 64) {
    throw new TesseraError('bad_config', 'webhooks.secret: must be whsec_ and 24 to 64 bytes', {
      next: `Set TESSERA_WEBHOOKS_SECRET=${makeWebhookSecret()} (made for you just now).`,
    });
  }
  return { urls, secret, giveUpMs: numberOf(settings, 'webhooks.giveUpSeconds') * 1000 };
}
