/** Rooms of many with sound alone and DTX, three of them talking at a time: encodes follow the speakers. */
import { sleep } from '../../test/support/server.js';
import { measureCost, soundMissing, withCall } from './call.js';
import { type Bench, percent, type Row } from './report.js';

const MEASURE_SECONDS = 10;

export const benchAudioRooms: Bench = async ([counts = '100,300']) => {
  const rows: Row[] = [];
  for (const count of counts.split(',').map(Number)) {
    const row = await withCall(
      async (call): Promise<Row> => {
        await call.grow(count, { layers: [], soundOnly: true, dtx: true });
        await sleep(4000);
        const cost = await measureCost(call, MEASURE_SECONDS);
        const ticks = cost.perSecond('audio_ticks');
        const encodes = cost.perSecond('audio_encodes') / ticks;
        const speakers = cost.perSecond('audio_speakers') / ticks;
        return {
          what: `${count} with sound alone`,
          measured: `${percent(cost.server)}, ${encodes.toFixed(1)} encodes a tick, ${ticks.toFixed(1)} ticks/s`,
          against: `${speakers.toFixed(1)} speakers + 1; ${(soundMissing(cost) * 100).toFixed(2)} % of the sound missing; generator ${percent(cost.generator)}`,
          ratio: encodes / (speakers + 1),
          goal: '1.0',
          command: `audio ${count}`,
        };
      },
      { TESSERA_ROOM_MAX_PARTICIPANTS: '1000', TESSERA_AUDIO_DTX: 'on' },
    );
    rows.push(row);
    console.error(row);
  }
  return rows;
};
