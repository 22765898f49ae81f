/** Which step of the default ladder fits what a receiver asks for. */
import { expect, test } from 'vitest';
import { loadConfig } from '../../../src/config/load.js';
import { bestStep } from '../../../src/rooms/receive-limits.js';
import { outputSteps } from '../../../src/rooms/renditions.js';

test('what a receiver asks for is the best step that it gets', () => {
  const { mix } = loadConfig({}).config.rooms;
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
