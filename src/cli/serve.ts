/** `tessera serve`: runs the server until a signal ends it. */
import { availableParallelism } from 'node:os';
import closeWithGrace from 'close-with-grace';
import type { Command } from 'commander';
import { signToken, videoGrantFor } from '../api/access-token.js';
import { type ApiKey, makeKey } from '../config/api-keys.js';
import type { ServerConfig } from '../config/server-config.js';
import { createLogger } from '../logger.js';
import { startServer } from '../server.js';
import { type CliContext, configOf, withSettings } from './context.js';
import { VERSION } from './version.js';

/** `--lan`: for other machines, over HTTPS, because browsers give cameras only to HTTPS pages. */
const LAN = { host: '0.0.0.0', tls: 'self-signed' } as const;

/** The longest that closing takes. */
const CLOSE_MS = 10_000;

export function addServe(program: Command, context: CliContext): void {
  const command = program
    .command('serve', { isDefault: true })
    .description('run the server')
    .option('--lan', 'serve other machines: over HTTPS, with a key and a link made for this run');
  withSettings(command).action(async () => {
    const lan = command.opts<{ lan?: boolean }>().lan === true;
    const { config } = configOf(command, context, lan ? LAN : {});
    if (!lan || config.auth.keys.length > 0) await serve(config, context.isTerminal);
    else {
      const key = makeKey();
      const auth = { ...config.auth, keys: [key] };
      await serve({ ...config, auth }, context.isTerminal, key);
    }
  });
}

/** @param inviteKey made for this run: links with its tokens are printed. */
async function serve(config: ServerConfig, isTerminal: boolean, inviteKey?: ApiKey): Promise<void> {
  const logger = createLogger(config.logLevel, isTerminal);
  const server = await startServer(config, logger, VERSION);
  // A second signal ends the process at once.
  const delay = config.drainMs + CLOSE_MS;
  closeWithGrace({ delay, logger: false }, async ({ err }) => {
    if (err) logger.error({ error: err }, 'fatal error');
    else {
      logger.info('draining: no new rooms; a second signal ends the calls');
      await server.drain();
    }
    await server.close();
  });
  const { width, height, frameRate } = config.rooms.mix;
  console.log(
    `Composite ${width}x${height} at ${frameRate} fps; encoders ${server.encoders.join(', ')}; ${availableParallelism()} cores`,
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
    const { tokenSeconds: seconds } = config.auth;
    const video = videoGrantFor('demo', role);
    return `#token=${await signToken(inviteKey, { video, seconds })}`;
  };
  const [host, participant] = await Promise.all([link('host'), link('participant')]);
  for (const url of server.urls) {
    console.log(`Open ${url}/?room=demo${host}`);
    console.log(`Invite with ${url}/?room=demo${participant}`);
  }
}
