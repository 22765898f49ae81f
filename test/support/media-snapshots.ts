/** Reports of a media process, whole, for unit tests. */
import { faultCounters } from '../../src/link/fault-stages.js';
import type { MediaSnapshot, SourceSnapshot } from '../../src/link/media-counters.js';

export function sourceSnapshot(change: Partial<SourceSnapshot> = {}): SourceSnapshot {
  return {
    audio_packets_late: 1,
    audio_packets_duplicate: 1,
    audio_packets_invalid: 1,
    audio_packets_overflow: 1,
    audio_packets_recovered: 1,
    audio_packets_silent: 1,
    audio_frames_decoded: 1,
    audio_frames_fec: 1,
    audio_samples_concealed: 48_000,
    audio_periods_removed: 1,
    audio_periods_added: 1,
    audio_delay_micros: 40_000,
    ...change,
  };
}

export function mediaSnapshotOf(change: Partial<MediaSnapshot['counters']> = {}): MediaSnapshot {
  return {
    counters: {
      ...faultCounters(() => 1),
      video_ticks: 1,
      video_ticks_skipped: 1,
      video_frames_not_shown: 1,
      video_frames_decoded: 1,
      video_frames_corrupt: 1,
      video_frames_dropped_overload: 1,
      video_frames_dropped_no_keyframe: 1,
      video_frames_dropped_fault: 1,
      video_frames_dropped_budget: 1,
      video_pictures_too_small: 1,
      video_freezes: 1,
      video_tiles_late: 1,
      video_hardware_fallbacks: 1,
      keyframes_requested: 1,
      keyframes_sent: 3,
      keyframes_sent_urgently: 1,
      keyframes_of_encoder: 1,
      keyframe_bytes_sent: 1,
      load_steps_down: 1,
      load_steps_up: 1,
      audio_ticks: 1,
      audio_ticks_skipped: 1,
      audio_encodes: 1,
      audio_encodes_low: 1,
      audio_speakers: 1,
      cpu_micros: 2_000_000,
      ...change,
    },
    gauges: {
      load_level: 1,
      load_percent: 50,
      load_overloaded: 0,
      decoder_queue_frames: 2,
      audio_delay_micros_max: 40_000,
      rss_bytes: 1000,
    },
    encodes: [
      { codec: 'h264', rendition: 0, frames: 30, keyframes: 1, bytes: 9000 },
      { codec: 'h264', rendition: 1, frames: 10, keyframes: 1, bytes: 1000 },
    ],
    linkFramesDropped: 0,
    sources: { 1: sourceSnapshot() },
    stages: {},
  };
}
