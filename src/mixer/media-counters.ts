/** The mixer's counters as they leave the process: flat records with the names of the metrics. */
import type { MediaCounters, SourceId } from '../link/link-messages.js';
import type { RoomMixer, RoomMixerSnapshot } from './room-mixer.js';
import type { EncodeCounters } from './video/composite-counters.js';

export function toMediaCounters({ video, audio }: RoomMixerSnapshot): MediaCounters {
  const { loop, sources, composite, load } = video;
  return {
    ...loop,
    ...sources,
    ...composite.canvases,
    ...composite.keyframes,
    ...encodeCounters(composite.encodes),
    ...load,
    ...audio.mixer,
    ...audio.jitterBuffers,
    audio_delay_micros_max: audio.audio_delay_micros_max,
    audio_ticks_skipped: audio.audio_ticks_skipped,
    video_ticks_skipped: video.video_ticks_skipped,
    decoder_queue_frames: video.decoder_queue_frames,
  };
}

/** Of each source; empty for sources that are not heard. */
export function toSourceCounters(room: RoomMixer): Record<SourceId, MediaCounters> {
  return Object.fromEntries(
    [...room.sourceSnapshots()].map(([id, counters]) => [id, { ...counters }]),
  );
}

/** Frames and keyframes by codec, frames and bytes by codec and rendition. */
function encodeCounters(encodes: readonly Readonly<EncodeCounters>[]): Record<string, number> {
  const flat: Record<string, number> = {};
  const add = (name: string, value: number) => {
    flat[name] = (flat[name] ?? 0) + value;
  };
  for (const { codec, rendition, frames, keyframes, bytes } of encodes) {
    add(`video_encodes_${codec}`, frames);
    add(`video_encodes_${codec}_${rendition}`, frames);
    add(`video_keyframes_${codec}`, keyframes);
    add(`video_bytes_${codec}_${rendition}`, bytes);
  }
  return flat;
}
