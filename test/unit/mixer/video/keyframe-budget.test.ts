import { expect, test } from 'vitest';
import { TalkingHeads } from '../../../../src/bots/talking-heads.js';
import { Picture } from '../../../../src/codecs/ffmpeg/picture.js';
import { VideoDecoder } from '../../../../src/codecs/ffmpeg/video-decoder.js';
import { CompositeEncoder } from '../../../../src/mixer/video/composite-encoder.js';
import { KeyframeBudget } from '../../../../src/mixer/video/keyframe-budget.js';
import { lumaError, psnrOf } from '../../../support/psnr.js';

const MS = 1000;
const BITRATE = 1_800_000;
const KEYFRAME_BYTES = 40_000;

/** Runs for some seconds with a look at the budget every 10 ms. @returns times of keyframes. */
function run(seconds: number, requests: (at: number, budget: KeyframeBudget) => void): number[] {
  const budget = new KeyframeBudget(BITRATE);
  const times: number[] = [];
  for (let at = 0; at < seconds * 1000; at += 10) {
    requests(at, budget);
    if (!budget.isDue(at * MS)) continue;
    budget.sent(KEYFRAME_BYTES, at * MS);
    times.push(at);
  }
  return times;
}

test('under any number of requests keyframes take less than a twentieth of the bits', () => {
  const times = run(120, (_, budget) => budget.request(false));
  const after = times.filter((at) => at >= 20_000);
  const share = (after.length * KEYFRAME_BYTES * 8) / (100 * BITRATE);
  expect(share).toBeLessThan(0.05);
  expect(share).toBeGreaterThan(0.02);
});

test('a rare request is answered at once', () => {
  const asked = [1000, 4000, 9000, 15_000, 22_000, 30_000];
  const times = run(40, (at, budget) => {
    if (asked.includes(at)) budget.request(false);
  });
  expect(times).toEqual(asked);
});

test('a receiver without a picture waits at most 250 ms, even when the budget is used up', () => {
  const waits: number[] = [];
  let since: number | undefined;
  run(60, (at, budget) => {
    budget.request(false);
    if (at % 1700 === 0) {
      since = at;
      budget.request(true);
    }
    if (since !== undefined && budget.isDue(at * MS)) {
      waits.push(at - since);
      since = undefined;
    }
  });
  expect(waits.length).toBeGreaterThan(30);
  expect(Math.max(...waits)).toBeLessThanOrEqual(250);
});

/** PSNR of what a receiver decodes after the first twenty seconds. */
async function quality(codec: 'vp8' | 'h264', requestsPerSecond: number): Promise<number> {
  const [width, height, frameRate] = [320, 180, 30];
  const canvas = { width, height, frameRate };
  const rendition = { ...canvas, bitrateBps: 200_000 };
  const encoder = await CompositeEncoder.open({ codec, rendition: 0 }, rendition, canvas);
  using decoder = await VideoDecoder.open(codec);
  using picture = Picture.allocate(width, height);
  const heads = new TalkingHeads(width, height, 4);
  let [error, count, asked] = [0, 0, 0];
  for (let frame = 0; frame < 1200; frame++) {
    heads.draw(picture, frame);
    for (; asked < (frame * requestsPerSecond) / frameRate; asked++) encoder.requestKeyframe(false);
    for (const { data } of await encoder.encode(picture, frame * 33_333, true)) {
      const decoded = await decoder.decode(data);
      if (!decoded || decoded === 'corrupt') throw new Error(`frame ${frame} does not decode`);
      if (frame >= 600) {
        error += lumaError(picture, decoded);
        count++;
      }
      decoded[Symbol.dispose]();
    }
  }
  encoder.dispose();
  return psnrOf(error / count);
}

test.each(['vp8', 'h264'] as const)(
  'fifty requests a second cost %s at most half a dB',
  async (codec) => {
    const [calm, storm] = [await quality(codec, 0), await quality(codec, 50)];
    console.log(`${codec}: ${calm.toFixed(2)} dB, in a storm ${storm.toFixed(2)} dB`);
    expect(storm).toBeGreaterThan(calm - 0.5);
  },
);
