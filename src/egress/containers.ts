/** File formats of recordings, and how each is written while it grows. */
import type { AudioTrack, MuxedTrack } from '../codecs/ffmpeg/muxer.js';
import type { FileFormat } from '../protocol/file-format.js';

export interface Container {
  /** FFmpeg's name of the muxer. */
  readonly muxer: string;
  /** FFmpeg's options for a file that can be played to its last fragment, wherever it breaks off. */
  readonly growing: Readonly<Record<string, string>>;
}

const FRAGMENTED = {
  movflags: '+frag_custom+empty_moov+delay_moov+default_base_moof',
};

export const CONTAINERS: Readonly<Record<FileFormat, Container>> = {
  mp4: {
    muxer: 'mp4',
    growing: FRAGMENTED,
  },
  webm: {
    muxer: 'webm',
    // Clusters end with a flush, not by themselves.
    growing: { cluster_time_limit: '10000' },
  },
  ogg: {
    muxer: 'ogg',
    growing: { page_duration: '1000000' },
  },
  m4a: { muxer: 'mp4', growing: FRAGMENTED },
};

/** Delay of libopus, in samples at 48 kHz, which decoders skip at the start. */
export const OPUS_PRE_SKIP = 312;
const OPUS_FRAME = 960;

/** An Opus track, of the mix or of one participant. */
export function opusTrack(channels: number): AudioTrack {
  // The identification header (RFC 7845, 5.1).
  const head = Buffer.alloc(19);
  head.write('OpusHead', 0, 'latin1');
  head[8] = 1;
  head[9] = channels;
  head.writeUInt16LE(OPUS_PRE_SKIP, 10);
  head.writeUInt32LE(48_000, 12);
  return {
    kind: 'audio',
    codec: 'opus',
    channels,
    extradata: head,
    frameSize: OPUS_FRAME,
    initialPadding: OPUS_PRE_SKIP,
  };
}

/** Duration of what decoders skip at the start, in microseconds. */
export function paddingMicros(track: MuxedTrack): number {
  return track.kind === 'audio' ? (track.initialPadding * 1_000_000) / 48_000 : 0;
}
