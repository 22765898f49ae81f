/**
 * A long recording in seconds: what a room gives in minutes or an hour, with a pause, lost packets and
 * two crashes, goes through timeline, muxer and finisher. FFmpeg reads when flashes and beeps are.
 */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { quietFfmpeg } from '../../../src/codecs/ffmpeg/log.js';
import { Picture } from '../../../src/codecs/ffmpeg/picture.js';
import { VideoEncoder } from '../../../src/codecs/ffmpeg/video-encoder.js';
import { OpusEncoder } from '../../../src/codecs/opus/opus.js';
import type { EncodedFrame } from '../../../src/codecs/packetizer.js';
import { CompositeWriter } from '../../../src/egress/composite-writer.js';
import { finish } from '../../../src/egress/finisher.js';
import { GrowingFile } from '../../../src/egress/growing-file.js';
import { decodeFaults, probe } from '../../support/recorded.js';
import { soak } from '../../support/soak.js';

const FRAME_RATE = 10;
/** Every ten seconds a flash and a beep start together. */
const BEAT = 10;
const SIZE = { width: 64, height: 48 };

/** One minute that starts with a keyframe. */
async function minuteOfVideo(): Promise<EncodedFrame[]> {
  using encoder = await VideoEncoder.open({
    codec: 'h264',
    ...SIZE,
    frameRate: FRAME_RATE,
    bitrateBps: 50_000,
  });
  using picture = Picture.allocate(SIZE.width, SIZE.height);
  const frames: EncodedFrame[] = [];
  for (let n = 0; n < 60 * FRAME_RATE; n++) {
    const bright = n % (BEAT * FRAME_RATE) < 3;
    picture.fill({ x: 0, y: 0, ...SIZE }, [bright ? 235 : 16, 128, 128]);
    // A keyframe each second: after a gap the picture comes back.
    frames.push(...(await encoder.encode(picture, (n * 1e6) / FRAME_RATE, n % FRAME_RATE === 0)));
  }
  return frames;
}

async function minuteOfSound(): Promise<Buffer[]> {
  using encoder = await OpusEncoder.open({ channels: 1, bitrateBps: 24_000, complexity: 0 });
  return Array.from({ length: 3000 }, (_, n) => {
    const beeps = n % (BEAT * 50) < 15;
    const pcm = Float32Array.from({ length: 960 }, (_, i) =>
      beeps ? 0.5 * Math.sin((2 * Math.PI * 1000 * i) / 48_000) : 0,
    );
    return Buffer.from(encoder.encode(pcm, false));
  });
}

const tick = () => new Promise((resolve) => setImmediate(resolve));

interface Story {
  readonly minutes: number;
  /** Seconds from the start. Packets are lost in the fourth minute, and every seven minutes after it. */
  readonly firstCrashAt: number;
  readonly secondCrashAt: number;
  readonly pausedFrom: number;
}

async function expectTogether({
  minutes,
  firstCrashAt,
  secondCrashAt,
  pausedFrom,
}: Story): Promise<void> {
  quietFfmpeg();
  const folder = mkdtempSync(join(tmpdir(), 'tessera-hour-'));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  const [video, audio] = await Promise.all([minuteOfVideo(), minuteOfSound()]);
  const faults: unknown[] = [];
  let sink: GrowingFile | undefined;
  const tracks = { video: { codec: 'h264', ...SIZE }, audioChannels: 1 } as const;
  const writer = await CompositeWriter.open(
    { ...tracks, audioCodec: 'opus', audioBitrateBps: 64_000 },
    undefined,
    {
      open: (described) => {
        sink = new GrowingFile(join(folder, 'part'), 'mp4', described, {
          onSynced: () => {},
          onFault: (fault) => faults.push(fault),
        });
        return sink;
      },
      onRunning: () => {},
      onKeyframeNeeded: () => {},
    },
  );
  const start = 123_456_789;
  /** Seconds without a media process; the ticks after them are out of step with those before. */
  const crashed = (at: number) =>
    (at > firstCrashAt + 0.013 && at < firstCrashAt + 1.5) ||
    (at > secondCrashAt && at < secondCrashAt + 0.4);
  const phase = (at: number) =>
    at < firstCrashAt + 1 ? 0 : at < secondCrashAt + 0.2 ? 0.013 : 0.007;
  const pausedTo = pausedFrom + 71;
  for (let minute = 0; minute < minutes; minute++) {
    let v = 0;
    for (let n = 0; n < 3000; n++) {
      const at = minute * 60 + n / 50;
      const ptsMicros = start + Math.round((at + phase(at)) * 1e6);
      if (at === pausedFrom) writer.pause(ptsMicros);
      if (at === pausedTo) writer.resume();
      const lost = crashed(at) || (n > 700 && n < 720 && minute % 7 === 3);
      if (v / FRAME_RATE <= n / 50) {
        const frame = video[v++] as EncodedFrame;
        const out = {
          kind: 'video-out',
          codec: 'h264',
          rendition: 0,
          ptsMicros,
          encodedMicros: ptsMicros,
          ...frame,
        } as const;
        if (!crashed(at)) writer.video(out);
      }
      const data = audio[n] as Buffer;
      const flags = { low: false, lowBegins: false, last: true, source: 0 };
      if (!lost) writer.audio({ kind: 'audio-out', ptsMicros, data, ...flags });
    }
    // The queue of the file never holds more than a minute.
    while ((sink?.snapshot().packetsWritten ?? 0) < (minute - 1) * 2000) await tick();
  }
  await writer.stop(start + minutes * 60e6);
  expect(faults).toEqual([]);
  expect(sink?.snapshot().packetsDropped).toBe(0);
  const output = join(folder, 'out.mp4');
  const done = await finish({
    type: 'finish',
    segments: [{ path: join(folder, 'part'), offsetMicros: 0 }],
    output,
    format: 'mp4',
    chapters: [],
    metadata: {},
  });
  const expected = minutes * 60 - (pausedTo - pausedFrom);
  expect((done?.durationMicros ?? 0) / 1e6).toBeCloseTo(expected, 0);
  expect(await decodeFaults(output)).toBe('');
  expect((await probe(output)).duration).toBeCloseTo(expected, 0);

  const quiet = { maxBuffer: 1 << 28 };
  const gray: string[] = [
    '-vf',
    'scale=1:1,format=gray',
    '-fps_mode',
    'passthrough',
    '-f',
    'rawvideo',
    '-',
  ];
  const luma = execFileSync('ffmpeg', ['-v', 'error', '-i', output, ...gray], quiet);
  const packets = execFileSync(
    'ffprobe',
    [
      '-v',
      'error',
      '-select_streams',
      'v:0',
      '-show_entries',
      'packet=pts_time',
      '-of',
      'csv=p=0',
      output,
    ],
    quiet,
  );
  const times = packets.toString().trim().split('\n').map(Number.parseFloat);
  expect(times).toHaveLength(luma.length);
  const flashes = times.filter((_, i) => (luma[i] as number) > 128 && !((luma[i - 1] ?? 0) > 128));
  const rate = 8000;
  const sound: string[] = [
    '-vn',
    '-af',
    'aresample=async=1:first_pts=0',
    '-ac',
    '1',
    '-ar',
    String(rate),
  ];
  const raw = execFileSync(
    'ffmpeg',
    ['-v', 'error', '-i', output, ...sound, '-f', 's16le', '-'],
    quiet,
  );
  const pcm = new Int16Array(raw.buffer, raw.byteOffset, raw.length >> 1);
  const beeps: number[] = [];
  let last = -rate;
  pcm.forEach((value, i) => {
    if (Math.abs(value) < 3000) return;
    if (i - last > rate) beeps.push(i / rate);
    last = i;
  });
  const skews = flashes
    .map((at) =>
      beeps.reduce((best, beep) => (Math.abs(at - beep) < Math.abs(best) ? at - beep : best), 9),
    )
    .filter((skew) => Math.abs(skew) < 1);
  expect(skews.length).toBeGreaterThan((expected / BEAT) * 0.95);
  expect(Math.max(...skews.map(Math.abs))).toBeLessThan(0.045);
}

test('picture and sound are together after eight minutes, to 45 ms', () =>
  expectTogether({ minutes: 8, firstCrashAt: 100, pausedFrom: 240, secondCrashAt: 400 }));

soak('picture and sound are together at the end of an hour, to 45 ms', () =>
  expectTogether({ minutes: 60, firstCrashAt: 1000, pausedFrom: 1800, secondCrashAt: 2500 }),
);
