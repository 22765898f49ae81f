/** The mixer's counters as they leave the process. */

import type { SourceId } from '../link/link-messages.js';
import type {
  MediaCounters,
  MediaGauges,
  MediaSnapshot,
  SourceSnapshot,
} from '../link/media-counters.js';
import type { Micros } from '../util/units.js';
import type { RoomMixer } from './room-mixer.js';

/** What the process knows of itself. */
export interface ProcessUsage {
  readonly cpuMicros: Micros;
  readonly rssBytes: number;
  readonly linkFramesDropped: number;
}

export function mediaSnapshot(room: RoomMixer, usage: ProcessUsage): MediaSnapshot {
  const { video, audio, faults } = room.snapshot();
  const { load_steps_down, load_steps_up, ...load } = video.load;
  const counters: MediaCounters = {
    ...faults,
    ...video.loop,
    ...video.sources,
    ...video.composite.canvases,
    ...video.composite.keyframes,
    ...audio.mixer,
    load_steps_down,
    load_steps_up,
    audio_ticks_skipped: audio.audio_ticks_skipped,
    video_ticks_skipped: video.video_ticks_skipped,
    cpu_micros: usage.cpuMicros,
  };
  const gauges: MediaGauges = {
    ...load,
    audio_delay_micros_max: audio.audio_delay_micros_max,
    decoder_queue_frames: video.decoder_queue_frames,
    rss_bytes: usage.rssBytes,
  };
  return {
    counters,
    gauges,
    encodes: video.composite.encodes,
    linkFramesDropped: usage.linkFramesDropped,
    sources: heardSources(room),
    stages: room.stageTimes,
  };
}

function heardSources(room: RoomMixer): Record<SourceId, SourceSnapshot> {
  const heard: Record<SourceId, SourceSnapshot> = {};
  for (const [id, snapshot] of room.sourceSnapshots()) if (snapshot) heard[id] = snapshot;
  return heard;
}
