import { expect, test } from 'vitest';
import { AudioGrid, SILENT_PACKET } from '../../../src/egress/audio-grid.js';

const data = Buffer.from([1]);

test('gaps are filled and overlaps left out, without drift over an hour', () => {
  const grid = new AudioGrid();
  const written = [];
  // A clock that is 100 ppm fast, for an hour, with a second missing now and then.
  for (let n = 0; n < 180_000; n++) {
    const at = n * 20_002;
    if (n % 5000 < 50) continue;
    written.push(...grid.push(at, data));
    expect(Math.abs(grid.end - at - 20_000)).toBeLessThan(20_001);
  }
  written.forEach(({ ptsMicros }, index) => {
    if (ptsMicros !== index * 20_000) throw new Error(`packet ${index} is at ${ptsMicros}`);
  });
  expect(written.filter((packet) => packet.data === SILENT_PACKET).length).toBeGreaterThan(1700);
});
