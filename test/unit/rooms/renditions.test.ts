/** The ladder from the settings, and what of it a receiver has use for. */
import { expect, test } from 'vitest';
import { loadSettings } from '../../../src/config/load.js';
import { roomOptions } from '../../../src/config/room-options.js';
import { bestStep } from '../../../src/rooms/receive-limits.js';
import { outputSteps, renditionName } from '../../../src/rooms/renditions.js';

const mixOf = (environment: Record<string, string>) =>
  roomOptions(loadSettings({ environment }).settings).mix;

test('the default ladder, and one of your own', () => {
  const ladder = (environment: Record<string, string>) =>
    mixOf(environment).renditions.map((one) => [renditionName(one), one.bitrateBps]);
  expect(ladder({})).toEqual([
    ['1280x720@30', 1_800_000],
    ['640x360@30', 600_000],
    ['320x180@15', 150_000],
    ['lifeline', 30_000],
  ]);
  expect(
    ladder({
      TESSERA_VIDEO_RENDITIONS: '1280x720@30:2500, 960x540@25:900',
      TESSERA_VIDEO_LIFELINE_SECONDS: '0',
    }),
  ).toEqual([
    ['1280x720@30', 2_500_000],
    ['960x540@25', 900_000],
  ]);
});

test.each([
  'large',
  '1920x1080@30:3000',
  '640x480@30:600',
  '650x360@30:600',
  '1280x720@60:600',
  '1280x720@30:600,640x360@30:600',
])('%s is no ladder', (text) => {
  expect(() => mixOf({ TESSERA_VIDEO_RENDITIONS: text })).toThrow(/video\.renditions/);
});

test('what a receiver asks for is the best step that it gets', () => {
  const mix = mixOf({});
  const steps = outputSteps(mix, 'vp8');
  const best = (limits: Parameters<typeof bestStep>[0]) => {
    const { rendition, temporalLayer } = steps[bestStep(limits, mix, steps)] ?? {};
    return [rendition, temporalLayer];
  };
  expect(best({})).toEqual([0, 1]);
  expect(best({ maxWidth: 640, maxHeight: 360 })).toEqual([1, 1]);
  expect(best({ maxWidth: 2560, maxHeight: 1440 })).toEqual([0, 1]);
  expect(best({ maxBitrate: 1300 })).toEqual([0, 0]);
  expect(best({ maxBitrate: 1 })).toEqual([undefined, 0]);
  expect(best({ rendition: 'lifeline' })).toEqual([3, 0]);
  expect(best({ rendition: '640x360@30', maxWidth: 300, maxHeight: 160 })).toEqual([2, 1]);
});
