import { expect, test } from 'vitest';
import { loadConfig } from '../../../src/config/load.js';

const ladderOf = (environment: Record<string, string>) =>
  loadConfig({ environment }).config.rooms.mix.renditions.map(
    ({ width, height, frameRate, bitrateBps, stills = false }) => [
      `${width}x${height}@${frameRate}`,
      bitrateBps,
      stills,
    ],
  );

test('the default ladder, and one of your own', () => {
  expect(ladderOf({})).toEqual([
    ['1280x720@30', 1_800_000, false],
    ['640x360@30', 600_000, false],
    ['320x180@15', 150_000, false],
    ['320x180@0.5', 30_000, true],
  ]);
  expect(
    ladderOf({
      TESSERA_VIDEO_RENDITIONS: '1280x720@30:2500, 960x540@25:900',
      TESSERA_VIDEO_LIFELINE_SECONDS: '0',
    }),
  ).toEqual([
    ['1280x720@30', 2_500_000, false],
    ['960x540@25', 900_000, false],
  ]);
});

test.each([
  ['large', 'it cannot be read'],
  ['1920x1080@30:3000', 'it is more than video.width'],
  ['640x480@30:600', 'it has not the shape of the canvas'],
  ['650x360@30:600', 'the width must be a multiple of 16'],
  ['1280x720@60:600', 'it is more than video.width'],
  ['1280x720@0:600', 'the frame rate must be at least 1'],
  ['1280x720@30:600,640x360@30:600', 'its bitrate must be below'],
])('%s is no ladder', (text, fault) => {
  expect(() => ladderOf({ TESSERA_VIDEO_RENDITIONS: text })).toThrow(
    new RegExp(`TESSERA_VIDEO_RENDITIONS: .*: ${fault}`),
  );
});
