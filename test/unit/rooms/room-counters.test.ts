/** What a room counts: totals that outlive participants and media processes, and the names of `/stats`. */
import { expect, test } from 'vitest';
import { EncodeTotals } from '../../../src/rooms/encode-totals.js';
import { flatCounters } from '../../../src/rooms/room-counters.js';
import { type MeasuredParticipant, RoomTelemetry } from '../../../src/rooms/telemetry.js';
import { mixSettings } from '../../support/fake-mixer.js';
import { mediaSnapshotOf, sourceSnapshot } from '../../support/media-snapshots.js';

function room() {
  const pipeline = {
    mediaPid: 1,
    mediaSnapshot: mediaSnapshotOf() as ReturnType<typeof mediaSnapshotOf> | undefined,
    counters: { media_process_restarts: 2, link_frames_dropped: 0 },
    stageTimes: {},
    loadSteps: [],
    queuedBytes: 7,
    sourceCounters: (id: number) => sourceSnapshot({ audio_frames_decoded: id === 11 ? 5 : 1 }),
  };
  const people: MeasuredParticipant[] = [];
  const telemetry = new RoomTelemetry(pipeline, () => people, mixSettings(), {
    counters: { update_listener_errors: 0 },
  });
  let reads = 0;
  const participant = (id: string): MeasuredParticipant => {
    const live = { datagrams_received: 10, video_rendition: 2, video_height: 720 };
    const sent = { audio_packets_sent: 3, video_packets_sent: 4, video_packets_retransmitted: 0 };
    return {
      ...{ id, sourceId: 1, screenSourceId: 11, visible: true, output: { queueMicros: 30, sent } },
      liveCounters: () => {
        reads++;
        return [live];
      },
    };
  };
  return { pipeline, people, telemetry, participant, reads: () => reads };
}

test('totals keep what participants counted who left, their screens included, without gauges', () => {
  const { people, telemetry, participant } = room();
  const ada = participant('ada');
  people.push(ada);
  expect(telemetry.totals.counters).toMatchObject({
    datagrams_received: 10,
    audio_frames_decoded: 6,
    media_process_restarts: 2,
    video_ticks: 1,
  });
  // Nothing is counted twice.
  expect(telemetry.totals.counters).toMatchObject({
    datagrams_received: 10,
    audio_packets_sent: 3,
  });
  telemetry.left(ada);
  people.pop();
  people.push(participant('bob'));
  const { counters } = telemetry.totals;
  expect(counters).toMatchObject({ datagrams_received: 20, audio_frames_decoded: 12 });
  expect(Object.keys(counters)).not.toContain('video_rendition');
  expect(Object.keys(counters)).not.toContain('audio_delay_micros');
  expect(Object.keys(counters)).not.toContain('load_percent');
});

test('totals go on over a media process that is replaced', () => {
  const { pipeline, telemetry } = room();
  expect(telemetry.totals.encodes[0]?.frames).toBe(30);
  pipeline.mediaSnapshot = undefined;
  expect(telemetry.totals.encodes[0]?.frames).toBe(30);
  pipeline.mediaSnapshot = mediaSnapshotOf({ video_ticks: 4 });
  const { counters, encodes } = telemetry.totals;
  expect(counters.video_ticks).toBe(5);
  expect(encodes[0]).toMatchObject({ codec: 'h264', rendition: 0, frames: 60, bytes: 18_000 });
});

test('a snapshot reads each participant once', () => {
  const { people, telemetry, participant, reads } = room();
  for (let index = 0; index < 100; index++) people.push(participant(`p${index}`));
  const { size, queues, loadPercent, rssBytes } = telemetry.snapshot();
  expect([size, reads()]).toEqual([100, 100]);
  expect(queues).toEqual({ link_bytes: 7, pacer_micros_max: 30, decoder_frames: 2 });
  expect([loadPercent, rssBytes]).toEqual([50, 1000]);
});

test('the counters of /stats are flat, encodes included', () => {
  const flat = flatCounters({
    ...mediaSnapshotOf(),
    sources: { 1: sourceSnapshot(), 2: sourceSnapshot() },
  });
  expect(flat).toMatchObject({
    video_ticks: 1,
    load_percent: 50,
    rss_bytes: 1000,
    audio_frames_decoded: 2,
    video_encodes_h264: 40,
    video_encodes_h264_0: 30,
    video_encodes_h264_1: 10,
    video_keyframes_h264: 2,
    video_bytes_h264_1: 1000,
  });
  expect(flat).not.toHaveProperty('audio_delay_micros');
  expect(flatCounters(undefined)).toEqual({});
});

test('encodes of several rooms add up', () => {
  const totals = new EncodeTotals();
  const one = { codec: 'vp8', rendition: 0, frames: 1, keyframes: 1, bytes: 10 } as const;
  totals.addAll([one]);
  totals.addAll([one, { ...one, rendition: 1 }]);
  expect(totals.totals).toEqual([
    { ...one, frames: 2, keyframes: 2, bytes: 20 },
    { ...one, rendition: 1 },
  ]);
});
