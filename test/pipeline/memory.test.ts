/** Memory of media processes: a room's is known from its first minute on. */
import { expect } from 'vitest';
import { withCall } from '../../scripts/bench/call.js';
import { quietRoom } from '../../scripts/bench/quiet-room.js';
import { soak } from '../support/soak.js';

const MINUTES = 60;
/** What a quiet room may take after an hour beyond its second minute, in MB. */
const MAX_GROWTH = 40;

soak(
  'a quiet room takes no more memory after an hour than after its first minute',
  async () => {
    const { first, last, largest, growth } = await withCall((call) => quietRoom(call, MINUTES));
    console.log(`${first.toFixed(0)} MB, then ${last.toFixed(0)} MB; ${growth.toFixed(1)} MB/h`);
    expect(last - first).toBeLessThan(MAX_GROWTH);
    expect(largest - first).toBeLessThan(MAX_GROWTH);
  },
  (MINUTES + 10) * 60_000,
);
