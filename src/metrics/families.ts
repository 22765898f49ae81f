/**
 * What `/metrics` says of media, made of the server's counters: each family once for every room
 * (`tessera_room_…`) and once for all rooms since the server began (`tessera_…`).
 */

export type Totals = Readonly<Record<string, number>>;
export type Labels = Readonly<Record<string, string>>;

export interface Family {
  /** Without `tessera_`. */
  readonly name: string;
  readonly help: string;
  readonly labels: readonly string[];
  values(totals: Totals): readonly (readonly [Labels, number])[];
}

/** A family of which each member is one counter. */
function byName(
  name: string,
  help: string,
  label: string,
  members: Readonly<Record<string, string>>,
): Family {
  return {
    name,
    help,
    labels: [label],
    values: (totals) =>
      Object.entries(members).map(([counter, value]) => [{ [label]: value }, totals[counter] ?? 0]),
  };
}

function single(name: string, help: string, counter: string, factor = 1): Family {
  return {
    name,
    help,
    labels: [],
    values: (totals) => [[{}, (totals[counter] ?? 0) * factor]],
  };
}

const ENCODES = /^video_(encodes|bytes)_([a-z0-9]+)_(\d+)$/;

function byRendition(name: string, help: string, kind: 'encodes' | 'bytes'): Family {
  return {
    name,
    help,
    labels: ['codec', 'rendition'],
    values: (totals) =>
      Object.entries(totals).flatMap(([counter, value]) => {
        const [, of, codec = '', rendition = ''] = ENCODES.exec(counter) ?? [];
        return of === kind ? [[{ codec, rendition }, value] as const] : [];
      }),
  };
}

export const FAMILIES: readonly Family[] = [
  byName('ticks_total', 'Ticks of picture and sound', 'media', {
    video_ticks: 'video',
    audio_ticks: 'audio',
  }),
  byName('ticks_skipped_total', 'Ticks left out because one before took too long', 'media', {
    video_ticks_skipped: 'video',
    audio_ticks_skipped: 'audio',
  }),
  byRendition(
    'video_encodes_total',
    'Frames encoded, by codec and index of the rendition',
    'encodes',
  ),
  byRendition('video_encoded_bytes_total', 'Bytes of encoded frames', 'bytes'),
  byName('audio_encodes_total', 'Mixes encoded: those who speak and one more, each 20 ms', 'rate', {
    audio_encodes: 'full',
    audio_encodes_low: 'low',
  }),
  single('audio_speakers_total', 'Those in the mix, summed over its ticks', 'audio_speakers'),
  {
    name: 'video_keyframes_total',
    help: 'Keyframes of the composite by cause: asked for, by somebody without a picture, an encoder began',
    labels: ['cause'],
    values: ({ keyframes_sent: sent = 0, keyframes_sent_urgently: urgent = 0, ...totals }) => [
      [{ cause: 'requested' }, sent - urgent],
      [{ cause: 'new_receiver' }, urgent],
      [{ cause: 'encoder' }, totals.keyframes_of_encoder ?? 0],
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
  byName('video_frames_dropped_total', 'Frames left out, by reason', 'reason', {
    video_frames_not_shown: 'not_shown',
    video_frames_lost: 'lost',
    video_frames_malformed: 'malformed',
    video_frames_too_large: 'too_large',
    video_frames_dropped_no_keyframe: 'no_keyframe',
    video_frames_dropped_overload: 'decoder_queue_full',
    video_frames_corrupt: 'corrupt',
    video_frames_not_sent: 'send_queue_full',
    link_frames_dropped: 'link_full',
  }),
  single(
    'video_tiles_late_total',
    'Tiles that kept their picture for want of time',
    'video_tiles_late',
  ),
  single(
    'video_freezes_total',
    'Freezes of what senders send (as freezeCount of WebRTC)',
    'video_freezes',
  ),
  single(
    'video_layer_switches_total',
    'Changes of the simulcast layer in use',
    'video_layer_switches',
  ),
  single('rendition_switches_total', 'Changes of what a receiver gets', 'rendition_switches'),
  byName('datagrams_total', 'Datagrams of all connections', 'direction', {
    datagrams_received: 'received',
    datagrams_sent: 'sent',
    datagrams_not_sent: 'not_sent',
  }),
  byName('packets_sent_total', 'RTP packets sent, without repairs', 'media', {
    audio_packets_sent: 'audio',
    video_packets_sent: 'video',
  }),
  byName('packets_repaired_total', 'Lost packets made good', 'how', {
    video_packets_retransmitted: 'retransmitted',
    rtp_repairs_received: 'received_again',
    audio_packets_recovered: 'redundancy',
    audio_frames_fec: 'fec',
  }),
  single('nacks_sent_total', 'Packets asked for again', 'nacks_sent'),
  byName('packets_dropped_total', 'Packets left out, by reason', 'reason', {
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
  single('audio_frames_decoded_total', 'Frames of 20 ms decoded', 'audio_frames_decoded'),
  single(
    'audio_concealed_seconds_total',
    'Sound made up for what did not come',
    'audio_samples_concealed',
    1 / 48_000,
  ),
  byName('load_steps_total', 'Steps that pictures gave way by, and took back', 'direction', {
    load_steps_down: 'down',
    load_steps_up: 'up',
  }),
  single('media_process_restarts_total', 'Media processes that died', 'media_process_restarts'),
];
