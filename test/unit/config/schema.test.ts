import { expect, test } from 'vitest';
import { SETTINGS, settingsTable } from '../../../src/config/schema.js';
import { environmentName, flagName } from '../../../src/config/setting.js';

test('keys, variables and flags are unique', () => {
  const keys = SETTINGS.map(({ key }) => key);
  for (const name of [(key: string) => key, environmentName, flagName]) {
    expect(new Set(keys.map(name)).size).toBe(keys.length);
  }
  expect(environmentName('video.frameRate')).toBe('TESSERA_VIDEO_FRAME_RATE');
  expect(flagName('video.frameRate')).toBe('--video-frame-rate');
});

test('the table has a row for every setting', () => {
  const rows = settingsTable().split('\n');
  expect(rows).toHaveLength(SETTINGS.length + 2);
  expect(rows).toContainEqual(
    '| `video.fit` |  | `crop`, `letterbox` | `crop` | How a camera fills its tile. |',
  );
  expect(rows).toContainEqual(
    expect.stringMatching(/^\| `audio\.dtx` \| {2}\| `on`, `off` \| `on` \|/),
  );
});
