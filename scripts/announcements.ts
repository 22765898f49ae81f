/**
 * Speaks the announcements with espeak-ng and writes them into src/mixer/audio/announcement-clips.ts, as
 * Opus packets. Needed only when their words change: `npx tsx scripts/announcements.ts`.
 */
import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { FRAME_SAMPLES, OpusEncoder } from '../src/codecs/opus/opus.js';

const CLIPS = {
  started: 'This meeting is now being recorded.',
  stopped: 'The recording has stopped.',
} as const;
/** Of the clips, before the mixer's own encoding. */
const BITRATE = 20_000;

async function encode(text: string): Promise<string> {
  const wav = execFileSync('espeak-ng', ['-v', 'en-us', '-s', '150', '--stdout', text]);
  const filter = 'loudnorm=I=-23:TP=-3,aresample=48000,afade=t=in:d=0.02';
  const args = [
    '-v',
    'error',
    '-i',
    '-',
    '-af',
    filter,
    '-ac',
    '1',
    '-ar',
    '48000',
    '-f',
    'f32le',
    '-',
  ];
  const raw = execFileSync('ffmpeg', args, { input: wav });
  const pcm = new Float32Array(raw.buffer.slice(raw.byteOffset, raw.byteOffset + raw.length));
  using encoder = await OpusEncoder.open({ channels: 1, bitrateBps: BITRATE, complexity: 10 });
  const parts: Buffer[] = [];
  for (let at = 0; at < pcm.length; at += FRAME_SAMPLES) {
    const frame = new Float32Array(FRAME_SAMPLES);
    frame.set(pcm.subarray(at, at + FRAME_SAMPLES));
    const packet = encoder.encode(frame, false);
    parts.push(Buffer.from([packet.length & 0xff, packet.length >> 8]), Buffer.from(packet));
  }
  return Buffer.concat(parts).toString('base64');
}

async function main(): Promise<void> {
  const lines = await Promise.all(
    Object.entries(CLIPS).map(
      async ([name, text]) => `  /** "${text}" */\n  ${name}:\n    '${await encode(text)}',`,
    ),
  );
  writeFileSync(
    new URL('../src/mixer/audio/announcement-clips.ts', import.meta.url),
    `/** Made by scripts/announcements.ts: Opus packets of 20 ms, each behind its length (u16, little endian), in base64. */\nexport const ANNOUNCEMENT_CLIPS = {\n${lines.join('\n')}\n} as const;\n`,
  );
}

await main();
