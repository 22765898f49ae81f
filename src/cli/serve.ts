/** `tessera serve`: runs the server until it is told to end. */
import { availableParallelism } from 'node:os';
import closeWithGrace from 'close-with-grace';
import type { Command } from 'commander';
import { signToken, videoGrantFor } from '../api/access-token.js';
import { type ApiKey, apiKeys, makeKey } from '../config/auth-options.js';
import { numberOf, type Settings, textOf } from '../config/load.js';
import { createLogger } from '../logger.js';
import { startServer } from '../server.js';
import { type CliContext, settingsOf, withSettings } from './context.js';
import { VERSION } from './version.js';

/** `--lan`: reachable from other machines, over HTTPS, since browsers give cameras to nothing less. */
const LAN = { host: '0.0.0.0', tls: 'self-signed' } as const;

/** Closing everything takes no longer. */
const CLOSE_MS = 10_000;

export function addServe(program: Command, context: CliContext): void {
  const command = program
    .command('serve', { isDefault: true })
    .description('run the server')
    .option('--lan', 'serve other machines: over HTTPS, with a key and a link made for this run');
  withSettings(command).action(async () => {
    const lan = command.opts<{ lan?: boolean }>().lan === true;
    let { settings } = settingsOf(command, context, lan ? LAN : {});
    const inviteKey = lan && apiKeys(settings).length === 0 ? makeKey() : undefined;
    if (inviteKey) {
      const { id, secret } = inviteKey;
      settings = new Map(settings).set('auth.keys', `${id}:${secret}`);
    }
    await serve(settings, context.isTerminal, inviteKey);
  });
}

/** @param inviteKey made for this run: links with its tokens are printed. */
async function serve(
  settings: Settings,
  isTerminal: boolean,
  inviteKey: ApiKey | undefined,
): Promise<void> {
  const logger = createLogger(textOf(settings, 'logLevel'), isTerminal);
  const server = await startServer(settings, logger, VERSION);
  // A second signal ends the process at once.
  const delay = numberOf(settings, 'server.drainSeconds') * 1000 + CLOSE_MS;
  closeWithGrace({ delay, logger: false }, async ({ err }) => {
    if (err) logger.error({ error: err }, 'fatal error');
    else {
      logger.info('draining: no new rooms; a second signal ends the calls');
      await server.drain();
    }
    await server.close();
  });
  const size = `${settings.get('video.width')}x${settings.get('video.height')}`;
  const rate = settings.get('video.frameRate');
  console.log(
    `Composite ${size} at ${rate} fps; encoders ${server.encoders.join(', ')}; ${availableParallelism()} cores`,
  );
  if (server.open) {
    console.log(
      'Development mode: no API key is set, so everybody on this machine may do everything.',
    );
  }
  if (!inviteKey) {
    for (const url of server.urls) console.log(`Open ${url}/?room=demo`);
    return;
  }
  const link = async (role: 'host' | 'participant') => {
    const seconds = numberOf(settings, 'auth.tokenSeconds');
    const video = videoGrantFor('demo', role);
    return `#token=${await signToken(inviteKey, { video, seconds })}`;
  };
  const [host, participant] = await Promise.all([link('host'), link('participant')]);
  for (const url of server.urls) {
    console.log(`Open ${url}/?room=demo${host}`);
    console.log(`Invite with ${url}/?room=demo${participant}`);
  }
}
