/** Names and types of what a room counts: its pipeline, its media process and its participants. */
import type {
  EncodeCounters,
  MediaCounters,
  MediaSnapshot,
  SourceCounters,
  SourceSnapshot,
} from '../link/media-counters.js';
import type { PeerTransportCounters } from '../peer/transport-counters.js';
import type { PeerReceiverSnapshot } from '../receive/peer-receiver.js';
import type { BandwidthEstimatorCounters } from '../send/bandwidth-estimator.js';
import type { PacedSenderCounters } from '../send/paced-sender.js';
import type { SupervisorCounters } from './media-process-supervisor.js';
import type { WatchdogCounters } from './media-watchdog.js';

export interface PipelineCounters extends SupervisorCounters {
  /** Frames that did not fit into the link to the media process. */
  readonly link_frames_dropped: number;
}

/** Stages whose caught errors a room counts as `source_errors_<stage>`. */
export { FAULT_STAGES } from '../link/fault-stages.js';

/** Counts of the room's bus of updates. */
export interface UpdateCounters {
  readonly update_listener_errors: number;
}

/** Packets sent to one participant, by kind. */
export interface SentCounters {
  readonly audio_packets_sent: number;
  readonly video_packets_sent: number;
  readonly video_packets_retransmitted: number;
}

/** The streams to one participant: counts, and what their path takes at present. */
export interface StreamsSnapshot
  extends PacedSenderCounters,
    BandwidthEstimatorCounters,
    SentCounters {
  readonly bandwidth_estimate_bps: number;
  /** 0 if unknown. */
  readonly round_trip_micros: number;
}

export interface OutputSnapshot extends StreamsSnapshot {
  readonly rendition_switches: number;
  readonly video_frames_not_sent: number;
  /** Index of the rendition that is sent; -1 is audio alone. */
  readonly video_rendition: number;
  readonly video_temporal_layer: number;
  /** 1 while the low-rate mix is sent. */
  readonly audio_low_rate: number;
}

export interface ConnectionCounters {
  rtcp_rate_limited: number;
  /** Errors caught while packets and events of this connection were handled. */
  connection_errors: number;
}

/** Without a transport its part is missing. */
export type ConnectionSnapshot = ConnectionCounters &
  PeerReceiverSnapshot &
  Partial<PeerTransportCounters>;

/** All of one participant; parts are missing while there is no connection or no output. */
export type ParticipantSnapshot = Partial<
  SourceSnapshot & ConnectionSnapshot & OutputSnapshot & WatchdogCounters
>;

/** Values of a participant that are not sums. */
export const PARTICIPANT_GAUGES = [
  'video_height',
  'audio_delay_micros',
  'video_rendition',
  'video_temporal_layer',
  'audio_low_rate',
  'bandwidth_estimate_bps',
  'round_trip_micros',
] as const satisfies readonly (keyof ParticipantSnapshot)[];

type ParticipantCounters = Omit<ParticipantSnapshot, (typeof PARTICIPANT_GAUGES)[number]>;

/** Counts of a room since it began, participants who left included. What was never counted is missing. */
export type RoomCounters = Partial<
  MediaCounters & PipelineCounters & UpdateCounters & ParticipantCounters
>;

/** A room's counts, and its encodes by codec and rendition. */
export interface RoomTotals {
  readonly counters: RoomCounters;
  readonly encodes: readonly EncodeCounters[];
}

/** A media process's report as flat numbers, as `/stats` shows it. */
export function flatCounters(media: MediaSnapshot | undefined): Record<string, number> {
  if (!media) return {};
  return {
    ...media.counters,
    ...media.gauges,
    ...sumOfSources(Object.values(media.sources)),
    ...flatEncodes(media.encodes),
  };
}

function sumOfSources(sources: readonly SourceSnapshot[]): Record<string, number> {
  const sum: Record<string, number> = {};
  for (const { audio_delay_micros: _gauge, ...counters } of sources) {
    for (const [name, value] of Object.entries<number>(counters satisfies SourceCounters)) {
      sum[name] = (sum[name] ?? 0) + value;
    }
  }
  return sum;
}

/** Frames and keyframes by codec, frames and bytes by codec and rendition. */
function flatEncodes(encodes: readonly EncodeCounters[]): Record<string, number> {
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
