/** The names under which the mixer's counters leave the process. */
import { expect, test } from 'vitest';
import { toMediaCounters, toSourceCounters } from '../../../src/mixer/media-counters.js';
import { runRoomCommand } from '../../../src/mixer/room-commands.js';
import { RoomMixer } from '../../../src/mixer/room-mixer.js';
import { FakeTime, mixSettings, sourceState } from '../../support/fake-mixer.js';

test('counters are flat numbers under the names of the metrics', async () => {
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
  const counters = toMediaCounters(room.snapshot());
  expect(Object.values(counters).every(Number.isFinite)).toBe(true);
  expect(Object.keys(counters).sort()).toEqual([
    'audio_delay_micros_max',
    'audio_encodes',
    'audio_encodes_low',
    'audio_frames_decoded',
    'audio_frames_fec',
    'audio_packets_duplicate',
    'audio_packets_invalid',
    'audio_packets_late',
    'audio_packets_overflow',
    'audio_packets_recovered',
    'audio_packets_silent',
    'audio_periods_added',
    'audio_periods_removed',
    'audio_samples_concealed',
    'audio_speakers',
    'audio_ticks',
    'audio_ticks_skipped',
    'decoder_queue_frames',
    'keyframe_bytes_sent',
    'keyframes_of_encoder',
    'keyframes_requested',
    'keyframes_sent',
    'keyframes_sent_urgently',
    'load_level',
    'load_overloaded',
    'load_percent',
    'load_steps_down',
    'load_steps_up',
    'video_bytes_h264_0',
    'video_encodes_h264',
    'video_encodes_h264_0',
    'video_frames_corrupt',
    'video_frames_decoded',
    'video_frames_dropped_no_keyframe',
    'video_frames_dropped_overload',
    'video_frames_not_shown',
    'video_freezes',
    'video_hardware_fallbacks',
    'video_keyframes_h264',
    'video_ticks',
    'video_ticks_skipped',
    'video_tiles_late',
  ]);
  expect(counters).toMatchObject({
    audio_ticks: 125,
    video_ticks: 75,
    keyframes_requested: 1,
    keyframes_sent_urgently: 1,
    video_keyframes_h264: 2,
  });
  const sources = toSourceCounters(room);
  expect(Object.keys(sources)).toEqual(['1', '2']);
  expect(sources[1]).toMatchObject({ audio_delay_micros: 0, audio_frames_decoded: 0 });
  await room.close();
});
