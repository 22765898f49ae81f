import { expect, test } from 'vitest';
import { FULL_MIX, type OutputDemand } from '../../../src/rooms/media-output.js';
import { watchKey, watchSet } from '../../../src/rooms/watch-set.js';

const demand = (part: Partial<OutputDemand>): OutputDemand => ({
  videos: [],
  audio: false,
  mix: FULL_MIX,
  lowAudio: false,
  sources: false,
  ...part,
});

const best = { codec: 'h264', rendition: 0 } as const;
const small = { codec: 'vp8', rendition: 2 } as const;
const own = { width: 1920, height: 1080, frameRate: 30, bitrateBps: 4_000_000 };

test('without outputs nothing is encoded', () => {
  expect(watchSet([], new Set([1]))).toEqual({
    type: 'watch',
    videos: [],
    audio: false,
    lowAudio: [],
  });
});

test('each encode is there once, with the size of one that is made for an output alone', () => {
  const { videos, audio } = watchSet(
    [
      demand({ videos: [best, small] }),
      demand({ videos: [small], audio: true }),
      demand({ videos: [{ ...best, rendition: 3, own }] }),
    ],
    new Set(),
  );
  expect(videos).toEqual([best, small, { ...best, rendition: 3, own }]);
  expect(audio).toBe(true);
});

test('the low bitrate: own mixes of sources that are mixed, one for all others', () => {
  const { lowAudio } = watchSet(
    [
      demand({ mix: 1, lowAudio: true }),
      demand({ mix: 2, lowAudio: true }),
      demand({ mix: 3, lowAudio: true }),
      demand({ mix: 4 }),
    ],
    new Set([1, 4]),
  );
  expect(lowAudio).toEqual([1, FULL_MIX]);
});

test('the key does not depend on the order of outputs', () => {
  const [a, b] = [
    demand({ videos: [best], lowAudio: true, mix: 1 }),
    demand({ videos: [small], lowAudio: true, mix: 2 }),
  ];
  const mixed = new Set([1, 2]);
  expect(watchKey(watchSet([a, b], mixed))).toBe(watchKey(watchSet([b, a], mixed)));
  expect(watchKey(watchSet([a], mixed))).not.toBe(watchKey(watchSet([b], mixed)));
});
