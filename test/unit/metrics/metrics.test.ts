/** The families of `/metrics`: none is lost, each has a value, and a scrape reads everything once. */
import { expect, test } from 'vitest';
import { Exposition } from '../../../src/metrics/exposition.js';
import { FAMILIES } from '../../../src/metrics/families.js';
import { Metrics } from '../../../src/metrics/metrics.js';
import type { MetricsSnapshot } from '../../../src/metrics/metrics-snapshot.js';
import type { RoomCounters } from '../../../src/rooms/room-counters.js';
import { mediaSnapshotOf, sourceSnapshot } from '../../support/media-snapshots.js';
import NAMES from './metric-names.json' with { type: 'json' };

/** Counts of everything. */
const { audio_delay_micros: _gauge, ...ofSource } = sourceSnapshot();
const COUNTERS: RoomCounters = {
  ...mediaSnapshotOf().counters,
  ...ofSource,
  media_process_restarts: 1,
  link_frames_dropped: 1,
  rtcp_rate_limited: 1,
  connection_errors: 1,
  rendition_switches: 1,
  video_frames_not_sent: 1,
  pacer_packets_dropped: 1,
  audio_packets_sent: 1,
  video_packets_sent: 1,
  video_packets_retransmitted: 1,
  rtp_malformed: 1,
  rtp_unknown_stream: 1,
  rtp_rate_limited: 1,
  rtp_repairs_received: 1,
  nacks_sent: 1,
  video_frames_received: 1,
  video_frames_lost: 1,
  video_frames_malformed: 1,
  video_frames_too_large: 1,
  video_keyframe_requests: 1,
  video_layer_switches: 1,
  datagrams_received: 1,
  datagrams_sent: 1,
  datagrams_not_sent: 1,
  srtp_auth_failed: 1,
  srtp_replayed: 1,
  guard_unvalidated_address: 1,
  media_missing_audio: 1,
  media_missing_video: 1,
  media_missing_mix: 1,
};

function snapshotOf(numRooms: number): MetricsSnapshot {
  const totals = { counters: COUNTERS, encodes: mediaSnapshotOf().encodes };
  const room = {
    totals,
    size: 3,
    numVisible: 2,
    queues: { link_bytes: 1, pacer_micros_max: 2, decoder_frames: 3 },
    stages: { decode: { counts: [1, 2], sumMicros: 2_000_000 } },
    loadPercent: 50,
    loadLevel: 1,
    cpuMicros: 3_000_000,
    rssBytes: 4000,
  };
  return {
    rooms: Array.from({ length: numRooms }, (_, index) => ({ id: `r${index}`, ...room })),
    totals,
    load: {
      joins_refused_cpu: 1,
      joins_refused_room: 2,
      joins_refused_resources: 7,
      load_steps_down: 3,
      load_steps_up: 4,
      load_level: 5,
      load_percent: 60,
      cores_used_milli: 1500,
      cores_limit_milli: 2000,
      cores_per_room_milli: 200,
      cores_per_sender_milli: 60,
      cores_per_viewer_milli: 10,
    },
    egress: { cpuMicros: 5_000_000, rssBytes: 6000 },
    eventLoop: { delay: { counts: [8, 1], sumMicros: 30_000 }, blocked: 2 },
    resources: {
      measured: [{ resource: 'descriptors', used: 70, limit: 100, isLow: true }],
      udpDropped: 9,
    },
    recordsNotKept: 3,
  };
}

test('every metric keeps its name and its type', async () => {
  const text = await new Metrics(() => snapshotOf(1)).text();
  const found = [...text.matchAll(/^# TYPE (tessera_\S+ \S+)$/gm)].map(([, name]) => name);
  expect(found.sort()).toEqual(NAMES);
});

test('every family has a value for each of its labels', () => {
  const totals = { counters: COUNTERS, encodes: mediaSnapshotOf().encodes };
  for (const { name, labels, values } of FAMILIES) {
    const found = values(totals);
    expect([name, found.length > 0]).toEqual([name, true]);
    for (const [of, value] of found) {
      expect([name, Object.keys(of)]).toEqual([name, labels]);
      expect([name, of, value > 0]).toEqual([name, of, true]);
    }
  }
});

test('values, labels and units are right', async () => {
  const text = await new Metrics(() => snapshotOf(1)).text();
  for (const line of [
    'tessera_ticks_total{media="audio"} 1',
    'tessera_room_ticks_total{media="audio",room="r0"} 1',
    'tessera_video_encodes_total{codec="h264",rendition="0"} 30',
    'tessera_room_video_encoded_bytes_total{codec="h264",rendition="1",room="r0"} 1000',
    'tessera_video_keyframes_total{cause="requested"} 2',
    'tessera_audio_concealed_seconds_total 1',
    'tessera_room_participants{kind="viewer",room="r0"} 1',
    'tessera_room_queue_depth{queue="decoder_frames",room="r0"} 3',
    'tessera_room_load_ratio{room="r0"} 0.5',
    'tessera_load_ratio 0.6',
    'tessera_cpu_cores{kind="used"} 1.5',
    'tessera_joins_refused_total{reason="room"} 2',
    'tessera_process_cpu_seconds_total{process="media",room="r0"} 3',
    'tessera_process_resident_memory_bytes{process="egress",room=""} 6000',
    'tessera_room_stage_seconds_sum{room="r0",stage="decode"} 2',
    'tessera_room_stage_seconds_bucket{room="r0",stage="decode",le="0.0005"} 1',
    'tessera_room_stage_seconds_count{room="r0",stage="decode"} 3',
    'tessera_event_loop_blocked_total 2',
    'tessera_event_loop_delay_seconds_count 9',
    'tessera_resource_low{resource="descriptors"} 1',
    'tessera_resource_limit{resource="descriptors"} 100',
    'tessera_udp_receive_errors_total 9',
    'tessera_records_not_kept_total 3',
    'tessera_joins_refused_total{reason="resources"} 7',
  ]) {
    expect(text.split('\n')).toContain(line);
  }
});

test('a scrape reads everything once, whatever the number of families', async () => {
  let reads = 0;
  const metrics = new Metrics(() => {
    reads++;
    return snapshotOf(2);
  });
  await metrics.text();
  expect(reads).toBe(1);
  await metrics.text();
  expect(reads).toBe(2);
});

test('scrapes at the same time share one snapshot, and the text is whole', async () => {
  let reads = 0;
  const metrics = new Metrics(() => {
    reads++;
    return snapshotOf(30);
  });
  const [one, other] = await Promise.all([metrics.text(), metrics.text()]);
  expect(reads).toBe(1);
  expect(other).toBe(one);
  // Each line is a comment or a sample, and no series is there twice.
  const lines = one.trimEnd().split('\n');
  const sample = /^[a-zA-Z_]\w*(\{[^}]*\})? (\S+)$/;
  expect(
    lines.filter((line) => line !== '' && !line.startsWith('# ') && !sample.test(line)),
  ).toEqual([]);
  const series = lines
    .filter((line) => !line.startsWith('#'))
    .map((line) => line.replace(/ \S+$/, ''));
  const twice = series.filter((one, i) => one !== '' && series.indexOf(one) !== i);
  expect(twice).toEqual([]);
});

test('label values are escaped', () => {
  const to = new Exposition();
  to.values('x', [[{ room: 'a"b\\c\nd' }, 1]]);
  expect(to.text).toBe('x{room="a\\"b\\\\c\\nd"} 1\n');
});
