/**
 * What a room costs against the codec floor, for 1 to 49 people who all send and receive. Equal input:
 * everybody sends 1280x720 and nothing else. Simulcast: everybody sends three layers, as browsers do,
 * and the floor decodes 640x360.
 */
import { sleep } from '../../test/support/server.js';
import { frameRate, measureCost, SETTLE_MS, withCall } from './call.js';
import { codecFloor } from './codec-floor.js';
import { type Bench, percent, type Row } from './report.js';

const COUNTS = [1, 4, 9, 16, 25, 49];
const MEASURE_SECONDS = 16;
/** Before and after each measurement: machines that are shared get faster and slower. */
const FLOOR_SECONDS = 6;
/** Of what comes and of what is decoded, for a cost to be compared. */
const MIN_FPS = 27;

const INPUTS = [
  { name: 'equal input', layers: ['h'], floor: 'h', goal: '≤ 1.3' },
  { name: 'simulcast, floor of 640x360', layers: ['h', 'm', 'l'], floor: 'm', goal: '< 1.0' },
] as const;

export const benchCost: Bench = async ([counts = COUNTS.join(), codecs = 'h264,vp8']) => {
  const rows: Row[] = [];
  for (const codec of codecs.split(',') as ('h264' | 'vp8')[]) {
    for (const { name, layers, floor: layer, goal } of INPUTS) {
      for (const count of counts.split(',').map(Number)) {
        const floorNow = () => codecFloor(count, layer, codec, FLOOR_SECONDS);
        const before = await floorNow();
        const cost = await withCall(async (call) => {
          await call.grow(count, { layers, receiveCodec: codec });
          await sleep(SETTLE_MS);
          return measureCost(call, MEASURE_SECONDS);
        });
        const floor = (before + (await floorNow())) / 2;
        const decoded = cost.perSecond('video_frames_decoded') / count;
        const isInTime = frameRate(cost) >= MIN_FPS && decoded >= MIN_FPS;
        rows.push({
          what: `${count} at 1280x720, VP8 to ${codec.toUpperCase()}, ${name}`,
          measured: `${percent(cost.server)}, ${frameRate(cost).toFixed(0)} fps, ${decoded.toFixed(0)} of 30 decoded`,
          against: `ffmpeg offline ${percent(floor)}; generator ${percent(cost.generator)}${isInTime ? '' : '; more than the machine has'}`,
          // What was not done costs nothing.
          ratio: isInTime ? cost.server / floor : Number.NaN,
          goal: count === 16 ? goal : '',
          command: `cost ${count} ${codec}`,
        });
        console.error(rows.at(-1));
      }
    }
  }
  return rows;
};
