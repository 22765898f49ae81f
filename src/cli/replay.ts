/** `tessera replay`: plays a capture through the receiver and the mixer, and prints what happened. */
import { readFile } from 'node:fs/promises';
import type { Command } from 'commander';
import { readOffers } from '../captures/offers.js';
import { quietFfmpeg } from '../codecs/ffmpeg/log.js';
import { loadConfig } from '../config/load.js';
import { TesseraError } from '../errors.js';
import { replay } from '../replay/replay.js';
import { reportOf } from '../replay/report.js';
import { readDump } from '../rtp/rtpdump.js';

interface ReplayOptions {
  readonly sdp?: string;
  readonly json?: boolean;
}

async function read(path: string): Promise<Buffer> {
  try {
    return await readFile(path);
  } catch (cause) {
    throw new TesseraError('not_found', `cannot read ${path}`, {
      cause,
      next: 'Give the .rtpdump file; its .sdp file lies beside it, or is named by --sdp.',
    });
  }
}

export function addReplay(program: Command): void {
  program
    .command('replay <file>')
    .description('play a capture through the receiver and the mixer, and print what happened')
    .option('--sdp <file>', "the offers; the file's own name with .sdp by default")
    .option('--json', 'print numbers for programs')
    .action(async (file: string, { sdp, json }: ReplayOptions) => {
      quietFfmpeg();
      const dump = readDump(await read(file));
      const offers = readOffers((await read(sdp ?? file.replace(/\.[^.]*$/, '.sdp'))).toString());
      const { config } = loadConfig({});
      const result = await replay(dump, offers, { mix: config.rooms.mix });
      console.log(json ? JSON.stringify(result, undefined, 2) : reportOf(result));
      if (dump.truncated) console.error('the file ends in the middle of a packet');
    });
}
