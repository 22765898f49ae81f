#!/usr/bin/env node
/** The program: reads the environment, starts the server, stops it on a signal. */
import { availableParallelism } from 'node:os';
import closeWithGrace from 'close-with-grace';
import { loadSettings, numberOf, textOf } from './config/load.js';
import { TesseraError } from './errors.js';
import { createLogger } from './logger.js';
import { startServer } from './server.js';

/** `--lan`: reachable from other machines, over HTTPS, since browsers give cameras to nothing less. */
const LAN = { TESSERA_HOST: '0.0.0.0', TESSERA_TLS: 'self-signed' } as const;

/** Closing everything takes no longer. */
const CLOSE_MS = 10_000;

async function main(): Promise<void> {
  const flags = process.argv.slice(2);
  const unknown = flags.find((flag) => flag !== '--lan');
  if (unknown !== undefined) {
    throw new TesseraError('bad_config', `no such flag: ${unknown}`, {
      next: 'Use --lan, or none.',
    });
  }
  const settings = loadSettings({ ...(flags.includes('--lan') ? LAN : {}), ...process.env });
  const logger = createLogger(textOf(settings, 'logLevel'), process.stdout.isTTY);
  const server = await startServer(settings, logger);
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
  const cores = availableParallelism();
  const size = `${settings.get('video.width')}x${settings.get('video.height')}`;
  const rate = settings.get('video.frameRate');
  console.log(
    `Composite ${size} at ${rate} fps; encoders ${server.encoders.join(', ')}; ${cores} cores`,
  );
  for (const url of server.urls) console.log(`Open ${url}/?room=demo`);
}

main().catch((error: unknown) => {
  const { code, message, next } = TesseraError.from(error);
  console.error(`tessera: ${message} [${code}]${next ? `\n  ${next}` : ''}`);
  process.exit(1);
});
