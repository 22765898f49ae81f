/**
 * The families of `/metrics` about media: each once for every room (`tessera_room_…`) and once for all
 * rooms since the server began (`tessera_…`). The compiler checks the names of the counters.
 */
import { FAULT_STAGES, type RoomCounters, type RoomTotals } from '../rooms/room-counters.js';
import type { Labels } from './exposition.js';

export interface Family {
  /** Without `tessera_`. */
  readonly name: string;
  readonly help: string;
  readonly labels: readonly string[];
  values(totals: RoomTotals): readonly (readonly [Labels, number])[];
}

type CounterName = keyof RoomCounters;

/** A family whose members are one counter each. @param members label values by counter. */
function byName(
  name: string,
  help: string,
  label: string,
  members: { readonly [Name in CounterName]?: string },
): Family {
  const entries = Object.entries(members) as [CounterName, string][];
  return {
    name,
    help,
    labels: [label],
    values: ({ counters }) =>
      entries.map(([counter, value]) => [{ [label]: value }, counters[counter] ?? 0]),
  };
}

function single(name: string, help: string, counter: CounterName, factor = 1): Family {
  return {
    name,
    help,
    labels: [],
    values: ({ counters }) => [[{}, (counters[counter] ?? 0) * factor]],
  };
}

function byRendition(name: string, help: string, count: 'frames' | 'bytes'): Family {
  const labelled = ({ codec, rendition, ...counts }: RoomTotals['encodes'][number]) =>
    [{ codec, rendition: `${rendition}` }, counts[count]] as const;
  return {
    name,
    help,
    labels: ['codec', 'rendition'],
    values: ({ encodes }) => encodes.map(labelled),
  };
}

export const FAMILIES: readonly Family[] = [
  byName('ticks_total', 'Ticks of video and audio', 'media', {
    video_ticks: 'video',
    audio_ticks: 'audio',
  }),
  byName('ticks_skipped_total', 'Ticks skipped because an earlier one took too long', 'media', {
    video_ticks_skipped: 'video',
    audio_ticks_skipped: 'audio',
  }),
  byRendition(
    'video_encodes_total',
    'Frames encoded, by codec and index of the rendition',
    'frames',
  ),
  byRendition('video_encoded_bytes_total', 'Bytes of encoded frames', 'bytes'),
  byName(
    'audio_encodes_total',
    'Mixes encoded each 20 ms: one for each speaker and one for all others',
    'rate',
    {
      audio_encodes: 'full',
      audio_encodes_low: 'low',
    },
  ),
  single(
    'audio_speakers_total',
    'Participants in the mix, summed over the ticks',
    'audio_speakers',
  ),
  {
    name: 'video_keyframes_total',
    help: 'Keyframes of the composite by cause: requested, a receiver without a picture, an encoder started',
    labels: ['cause'],
    values: ({
      counters: {
        keyframes_sent: sent = 0,
        keyframes_sent_urgently: urgent = 0,
        keyframes_of_encoder: unasked = 0,
      },
    }) => [
      [{ cause: 'requested' }, sent - urgent],
      [{ cause: 'new_receiver' }, urgent],
      [{ cause: 'encoder' }, unasked],
    ],
  },
  single(
    'video_keyframe_requests_received_total',
    'From receivers (PLI, FIR)',
    'keyframes_requested',
  ),
  single('video_keyframe_requests_sent_total', 'To senders (PLI)', 'video_keyframe_requests'),
  single('video_frames_received_total', 'Whole frames from senders', 'video_frames_received'),
  single('video_frames_decoded_total', 'Frames decoded', 'video_frames_decoded'),
  byName('video_frames_dropped_total', 'Frames dropped, by reason', 'reason', {
    video_frames_not_shown: 'not_shown',
    video_frames_lost: 'lost',
    video_frames_malformed: 'malformed',
    video_frames_too_large: 'too_large',
    video_frames_dropped_no_keyframe: 'no_keyframe',
    video_frames_dropped_overload: 'decoder_queue_full',
    video_frames_dropped_fault: 'after_error',
    video_frames_dropped_budget: 'over_budget',
    video_pictures_too_small: 'too_small',
    video_frames_corrupt: 'corrupt',
    video_frames_not_sent: 'send_queue_full',
    link_frames_dropped: 'link_full',
  }),
  single(
    'video_tiles_late_total',
    'Tiles that kept their picture because there was no time',
    'video_tiles_late',
  ),
  single(
    'video_freezes_total',
    'Freezes of received video (as freezeCount of WebRTC)',
    'video_freezes',
  ),
  single(
    'video_layer_switches_total',
    'Changes of the simulcast layer in use',
    'video_layer_switches',
  ),
  single(
    'rendition_switches_total',
    'Changes of the rendition that a receiver gets',
    'rendition_switches',
  ),
  byName('datagrams_total', 'Datagrams of all connections', 'direction', {
    datagrams_received: 'received',
    datagrams_sent: 'sent',
    datagrams_not_sent: 'not_sent',
  }),
  byName('packets_sent_total', 'RTP packets sent, without retransmissions', 'media', {
    audio_packets_sent: 'audio',
    video_packets_sent: 'video',
  }),
  byName('packets_repaired_total', 'Lost packets recovered', 'how', {
    video_packets_retransmitted: 'retransmitted',
    rtp_repairs_received: 'received_again',
    audio_packets_recovered: 'redundancy',
    audio_frames_fec: 'fec',
  }),
  single('nacks_sent_total', 'Packets requested again (NACK)', 'nacks_sent'),
  byName('packets_dropped_total', 'Packets dropped, by reason', 'reason', {
    audio_packets_late: 'late',
    audio_packets_overflow: 'jitter_buffer_full',
    audio_packets_invalid: 'invalid',
    rtp_malformed: 'malformed',
    rtp_unknown_stream: 'unknown_stream',
    rtp_rate_limited: 'rate_limit',
    pacer_packets_dropped: 'send_queue_full',
    srtp_auth_failed: 'not_authentic',
    srtp_replayed: 'replayed',
    guard_unvalidated_address: 'unknown_address',
  }),
  byName('media_missing_total', 'Connected participants without media for 5 s', 'media', {
    media_missing_audio: 'audio',
    media_missing_video: 'video',
    media_missing_mix: 'mix',
  }),
  single('audio_frames_decoded_total', 'Frames of 20 ms decoded', 'audio_frames_decoded'),
  single(
    'audio_concealed_seconds_total',
    'Audio concealed because packets were missing',
    'audio_samples_concealed',
    1 / 48_000,
  ),
  byName('load_steps_total', 'Steps of load control, down and up', 'direction', {
    load_steps_down: 'down',
    load_steps_up: 'up',
  }),
  {
    name: 'source_errors_total',
    help: 'Errors caught at the boundary of a source or an output, by stage',
    labels: ['stage'],
    values: ({ counters }) =>
      FAULT_STAGES.map((stage) => [{ stage }, counters[`source_errors_${stage}`] ?? 0]),
  },
  single(
    'connection_errors_total',
    'Errors caught while packets of a connection were handled',
    'connection_errors',
  ),
  single('media_process_restarts_total', 'Media processes that died', 'media_process_restarts'),
];
