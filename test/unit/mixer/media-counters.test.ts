/** The names under which the mixer's counters leave the process. */
import { expect, test } from 'vitest';
import { FAULT_STAGES } from '../../../src/link/fault-stages.js';
import { mediaSnapshot } from '../../../src/mixer/media-counters.js';
import { runRoomCommand } from '../../../src/mixer/room-commands.js';
import { RoomMixer } from '../../../src/mixer/room-mixer.js';
import { FakeTime, mixSettings, sourceState } from '../../support/fake-mixer.js';

test('counters have the names of the metrics, apart from gauges and encodes', async () => {
  const time = new FakeTime();
  const room = new RoomMixer(mixSettings(), { event: () => {}, frame: () => {} }, time);
  await room.start();
  runRoomCommand(room, { type: 'sources', sources: [sourceState(1), sourceState(2)] });
  const h264 = { codec: 'h264', rendition: 0 } as const;
  runRoomCommand(room, { type: 'watch', videos: [h264], audio: true, lowAudio: [] });
  await room.idle();
  await time.advance(2_000_000);
  runRoomCommand(room, { type: 'keyframe', ...h264, urgent: true });
  await time.advance(500_000);
  const usage = { cpuMicros: 7, rssBytes: 8, linkFramesDropped: 9 };
  const { counters, gauges, encodes, sources, linkFramesDropped } = mediaSnapshot(room, usage);
  expect(Object.values({ ...counters, ...gauges }).every(Number.isFinite)).toBe(true);
  const faults = FAULT_STAGES.map((stage) => `source_errors_${stage}`).sort();
  expect(Object.keys(counters).sort()).toEqual([
    'audio_encodes',
    'audio_encodes_low',
    'audio_speakers',
    'audio_ticks',
    'audio_ticks_skipped',
    'cpu_micros',
    'keyframe_bytes_sent',
    'keyframes_of_encoder',
    'keyframes_requested',
    'keyframes_sent',
    'keyframes_sent_urgently',
    'load_steps_down',
    'load_steps_up',
    ...faults,
    'video_frames_corrupt',
    'video_frames_decoded',
    'video_frames_dropped_budget',
    'video_frames_dropped_fault',
    'video_frames_dropped_no_keyframe',
    'video_frames_dropped_overload',
    'video_frames_not_shown',
    'video_freezes',
    'video_hardware_fallbacks',
    'video_pictures_too_small',
    'video_ticks',
    'video_ticks_skipped',
    'video_tiles_late',
  ]);
  expect(Object.keys(gauges).sort()).toEqual([
    'audio_delay_micros_max',
    'decoder_queue_frames',
    'load_level',
    'load_overloaded',
    'load_percent',
    'rss_bytes',
  ]);
  expect(counters).toMatchObject({
    audio_ticks: 125,
    video_ticks: 75,
    keyframes_requested: 1,
    keyframes_sent_urgently: 1,
  });
  expect(encodes).toMatchObject([{ ...h264, keyframes: 2 }]);
  expect(Object.keys(sources)).toEqual(['1', '2']);
  expect(sources[1]).toMatchObject({ audio_delay_micros: 0, audio_frames_decoded: 0 });
  expect([gauges.rss_bytes, linkFramesDropped]).toEqual([8, 9]);
  await room.close();
});
