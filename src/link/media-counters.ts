/** What a media process reports of itself, once a second. Counts are since the process started. */
import type { CompositeCodec } from '../protocol/codec-names.js';
import type { StageHistograms } from '../util/stage-times.js';
import type { Micros } from '../util/units.js';
import type { FaultCounters } from './fault-stages.js';

/** Counts of the room. The names are those of `/stats`. */
export interface MediaCounters extends FaultCounters {
  readonly video_ticks: number;
  readonly video_ticks_skipped: number;
  /** Frames of sources that have no tile, or that nobody watches. */
  readonly video_frames_not_shown: number;
  readonly video_frames_decoded: number;
  readonly video_frames_corrupt: number;
  readonly video_frames_dropped_overload: number;
  readonly video_frames_dropped_no_keyframe: number;
  readonly video_frames_dropped_fault: number;
  readonly video_frames_dropped_budget: number;
  readonly video_pictures_too_small: number;
  readonly video_freezes: number;
  /** Tiles that kept their picture because there was no time for them. */
  readonly video_tiles_late: number;
  readonly video_hardware_fallbacks: number;
  readonly keyframes_requested: number;
  readonly keyframes_sent: number;
  /** Answers to receivers without a picture; `keyframes_sent` includes them. */
  readonly keyframes_sent_urgently: number;
  /** Keyframes that nobody asked for. */
  readonly keyframes_of_encoder: number;
  readonly keyframe_bytes_sent: number;
  readonly load_steps_down: number;
  readonly load_steps_up: number;
  readonly audio_ticks: number;
  readonly audio_ticks_skipped: number;
  readonly audio_encodes: number;
  readonly audio_encodes_low: number;
  /** Participants in the mix, summed over the ticks. */
  readonly audio_speakers: number;
  readonly cpu_micros: Micros;
}

/** Values of the room at present. */
export interface MediaGauges {
  readonly load_level: number;
  /** Smoothed share of a tick that is used. */
  readonly load_percent: number;
  /** 1 if more than a tick is used though all steps are taken; else 0. */
  readonly load_overloaded: number;
  /** Frames that wait for decoders. */
  readonly decoder_queue_frames: number;
  readonly audio_delay_micros_max: Micros;
  readonly rss_bytes: number;
}

/** Counts of one source's jitter buffer. */
export interface SourceCounters {
  readonly audio_packets_late: number;
  readonly audio_packets_duplicate: number;
  readonly audio_packets_invalid: number;
  readonly audio_packets_overflow: number;
  readonly audio_packets_recovered: number;
  readonly audio_packets_silent: number;
  readonly audio_frames_decoded: number;
  readonly audio_frames_fec: number;
  readonly audio_samples_concealed: number;
  readonly audio_periods_removed: number;
  readonly audio_periods_added: number;
}

export interface SourceSnapshot extends SourceCounters {
  /** The delay that the jitter buffer adds at present. */
  readonly audio_delay_micros: Micros;
}

/** What was encoded in one codec and rendition. */
export interface EncodeCounters {
  readonly codec: CompositeCodec;
  /** Index into the settings' renditions; beyond them, renditions made for one receiver. */
  readonly rendition: number;
  readonly frames: number;
  readonly keyframes: number;
  readonly bytes: number;
}

export interface MediaSnapshot {
  readonly counters: MediaCounters;
  readonly gauges: MediaGauges;
  readonly encodes: readonly EncodeCounters[];
  /** Frames that did not fit into the link to the server. */
  readonly linkFramesDropped: number;
  /** By id of the source; only sources that are heard. */
  readonly sources: Readonly<Record<number, SourceSnapshot>>;
  readonly stages: StageHistograms;
}
