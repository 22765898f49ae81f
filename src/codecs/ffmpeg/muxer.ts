import {
  AV_CHANNEL_ORDER_NATIVE,
  AVCOL_PRI_SMPTE170M,
  AVCOL_RANGE_MPEG,
  AVCOL_SPC_SMPTE170M,
  AVCOL_TRC_SMPTE170M,
  AVMEDIA_TYPE_AUDIO,
  AVMEDIA_TYPE_VIDEO,
  type CodecParameters,
  Dictionary,
  FFmpegError,
  FormatContext,
  Packet,
  type Stream,
} from 'node-av';
import type { AudioCodec, VideoCodecName } from '../../protocol/codec-names.js';
import type { Micros } from '../../util/units.js';
import { CODECS } from '../codecs.js';
import { codecIdOf } from './codec-ids.js';

/** Audio in files: that of calls, or AAC for players that need it. */
export type FileAudioCodec = AudioCodec | 'aac';

export interface VideoTrack {
  readonly kind: 'video';
  readonly codec: VideoCodecName;
  readonly width: number;
  readonly height: number;
  /** Parameter sets as Annex B (H.264), or what the container calls its codec private data. */
  readonly extradata?: Buffer | undefined;
}

export interface AudioTrack {
  readonly kind: 'audio';
  readonly codec: FileAudioCodec;
  readonly channels: number;
  readonly extradata: Buffer;
  /** Samples in a packet, at 48 kHz. */
  readonly frameSize: number;
  /** Samples before the first one that is heard, at 48 kHz. */
  readonly initialPadding: number;
}

export type MuxedTrack = VideoTrack | AudioTrack;

export interface MuxedPacket {
  /** Index into the muxer's tracks. */
  readonly track: number;
  readonly ptsMicros: Micros;
  /** 0 if it is not known yet. */
  readonly durationMicros: Micros;
  readonly keyframe: boolean;
  readonly data: Buffer;
}

export interface MuxerOptions {
  /** FFmpeg's name of the muxer. */
  readonly format: string;
  readonly tracks: readonly MuxedTrack[];
  /** Options of the muxer. */
  readonly options?: Readonly<Record<string, string>>;
  readonly metadata?: Readonly<Record<string, string>>;
  /** Puts the packets of all tracks in order first, for places that need it. */
  readonly interleaved?: boolean;
}

/**
 * Something could not be written. `code` is that of libavformat: a negated errno, if there is one. The
 * message does not contain the place, because that may hold a key.
 */
export class MuxError extends Error {
  constructor(
    readonly code: number,
    what: string,
  ) {
    super(`${what}: ${new FFmpegError(code).message}`);
    this.name = 'MuxError';
  }

  get isDiskFull(): boolean {
    return this.code === -28 || this.code === -122;
  }
}

const SAMPLE_RATE = 48_000;

function describe(track: MuxedTrack, parameters: CodecParameters): void {
  parameters.codecType = track.kind === 'video' ? AVMEDIA_TYPE_VIDEO : AVMEDIA_TYPE_AUDIO;
  parameters.codecId = codecIdOf(track.codec === 'aac' ? 'aac' : CODECS[track.codec].ffmpegName);
  parameters.codecTag = 0;
  if (track.extradata) parameters.extradata = track.extradata;
  if (track.kind === 'video') {
    parameters.width = track.width;
    parameters.height = track.height;
    parameters.colorSpace = AVCOL_SPC_SMPTE170M;
    parameters.colorPrimaries = AVCOL_PRI_SMPTE170M;
    parameters.colorTrc = AVCOL_TRC_SMPTE170M;
    parameters.colorRange = AVCOL_RANGE_MPEG;
    return;
  }
  parameters.sampleRate = SAMPLE_RATE;
  parameters.channels = track.channels;
  const mask = track.channels === 2 ? 3n : 4n;
  parameters.channelLayout = { nbChannels: track.channels, order: AV_CHANNEL_ORDER_NATIVE, mask };
  parameters.frameSize = track.frameSize;
  parameters.initialPadding = track.initialPadding;
}

/**
 * Writes packets into a container, at a path or another place that libavformat opens. One call at a
 * time. Packets of a track must come in order; tracks need not be interleaved strictly.
 */
export class Muxer {
  private readonly packet = new Packet();
  private streams: Stream[] = [];
  private state: 'new' | 'open' | 'closed' = 'new';

  private constructor(
    private readonly context: FormatContext,
    private readonly opensOutput: boolean,
    private readonly interleaved: boolean,
  ) {
    this.packet.alloc();
  }

  /** @throws MuxError */
  static async open(url: string, options: MuxerOptions): Promise<Muxer> {
    const context = new FormatContext();
    check(context.allocOutputContext2(null, options.format, url), `no muxer ${options.format}`);
    // The muxer of HLS opens its files itself.
    const muxer = new Muxer(context, options.format !== 'hls', options.interleaved === true);
    try {
      for (const track of options.tracks) {
        const stream = context.newStream(null);
        describe(track, stream.codecpar);
        stream.timeBase = { num: 1, den: track.kind === 'video' ? 90_000 : SAMPLE_RATE } as never;
      }
      for (const [name, value] of Object.entries(options.options ?? {})) {
        check(context.setOption(name, value), `the muxer has no option ${name}`);
      }
      if (options.metadata) context.metadata = Dictionary.fromObject({ ...options.metadata });
      if (muxer.opensOutput) check(await context.openOutput(), 'cannot open it');
      muxer.state = 'open';
      check(await context.writeHeader(null), 'cannot begin it');
      muxer.streams = context.streams;
    } catch (error) {
      await muxer.abandon();
      throw error;
    }
    return muxer;
  }

  /** @throws MuxError */
  async write({ track, ptsMicros, durationMicros, keyframe, data }: MuxedPacket): Promise<void> {
    const stream = this.streams[track];
    if (!stream || this.state !== 'open') throw new Error(`no track ${track} to write to`);
    const { num, den } = stream.timeBase;
    const ticks = (micros: Micros) => BigInt(Math.round((micros * den) / (num * 1_000_000)));
    const { packet } = this;
    packet.data = data;
    packet.streamIndex = track;
    packet.pts = ticks(ptsMicros);
    packet.dts = packet.pts;
    packet.duration = durationMicros === 0 ? 0n : ticks(durationMicros);
    packet.isKeyframe = keyframe;
    try {
      // Writing to memory is too short for another thread; writing to a network may wait.
      const written = this.interleaved
        ? await this.context.interleavedWriteFrame(packet)
        : this.context.writeFrameSync(packet);
      check(written, 'cannot write');
    } finally {
      packet.unref();
    }
  }

  /** Ends the fragment, cluster or page, and passes everything to the system. @throws MuxError */
  async flush(): Promise<void> {
    check(await this.context.writeFrame(null), 'cannot write');
    // If this fails, the next call says so.
    await this.context.flush();
  }

  /** Writes the end and closes it, also if this fails. @throws MuxError */
  async close(): Promise<void> {
    if (this.state !== 'open') return;
    try {
      check(await this.context.writeTrailer(), 'cannot end it');
    } finally {
      await this.abandon();
    }
  }

  /** Closes it as it is, without the end. */
  async abandon(): Promise<void> {
    if (this.state === 'closed') return;
    const opened = this.state === 'open';
    this.state = 'closed';
    if (opened && this.opensOutput) await this.context.closeOutput();
    this.packet.free();
    this.context.freeContext();
  }
}

function check(code: number, what: string): void {
  if (code < 0) throw new MuxError(code, what);
}
