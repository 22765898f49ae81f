import { AV_NOPTS_VALUE, avGetCodecName, FormatContext, Packet } from 'node-av';
import type { Micros } from '../../util/units.js';
import { CODECS } from '../codecs.js';
import type { FileAudioCodec, MuxedPacket, MuxedTrack, VideoTrack } from './muxer.js';

/** Samples at 48 kHz in a packet. */
const AAC_FRAME = 1024;
const OPUS_FRAME = 960;

/** Reads a file that this server wrote. Not for files from elsewhere. */
export class Demuxer {
  private readonly packet = new Packet();

  private constructor(
    private readonly context: FormatContext,
    /** The tracks of known codecs, in the file's order. */
    readonly tracks: readonly MuxedTrack[],
    /** Index into `tracks` by the file's own index; undefined of tracks that are not read. */
    private readonly indexes: readonly (number | undefined)[],
  ) {
    this.packet.alloc();
  }

  /** @throws Error if nothing in the file can be read. */
  static async open(path: string): Promise<Demuxer> {
    const context = new FormatContext();
    const opened = await context.openInput(path, null, null);
    if (opened < 0) throw new Error(`cannot read ${path} (${opened})`);
    const found = await context.findStreamInfo(null);
    if (found < 0) {
      await context.closeInput();
      throw new Error(`there is nothing in ${path} (${found})`);
    }
    const tracks: MuxedTrack[] = [];
    const indexes = context.streams.map(({ codecpar }) => {
      const track = trackOf(codecpar);
      if (!track) return undefined;
      tracks.push(track);
      return tracks.length - 1;
    });
    return new Demuxer(context, tracks, indexes);
  }

  /** The next packet in the file's order; undefined at its end, or where it breaks off. */
  async read(): Promise<MuxedPacket | undefined> {
    const { packet } = this;
    for (;;) {
      if ((await this.context.readFrame(packet)) < 0) return undefined;
      try {
        const track = this.indexes[packet.streamIndex];
        const time = packet.pts === AV_NOPTS_VALUE ? packet.dts : packet.pts;
        if (track === undefined || !packet.data || time === AV_NOPTS_VALUE) continue;
        const { num, den } = (this.context.streams[packet.streamIndex] as { timeBase: Ratio })
          .timeBase;
        const micros = (ticks: bigint): Micros =>
          Math.round((Number(ticks) * num * 1_000_000) / den);
        return {
          track,
          ptsMicros: micros(time),
          durationMicros: micros(packet.duration),
          keyframe: packet.isKeyframe,
          data: Buffer.from(packet.data),
        };
      } finally {
        packet.unref();
      }
    }
  }

  async close(): Promise<void> {
    this.packet.free();
    await this.context.closeInput();
  }
}

interface Ratio {
  readonly num: number;
  readonly den: number;
}

type Parameters = FormatContext['streams'][number]['codecpar'];

/** @returns undefined of a track whose codec this server does not write. */
function trackOf(parameters: Parameters): MuxedTrack | undefined {
  const name = avGetCodecName(parameters.codecId);
  if (name === 'aac') return audioTrack(parameters, 'aac', AAC_FRAME);
  const codec = Object.values(CODECS).find(({ ffmpegName }) => ffmpegName === name);
  if (codec?.kind === 'audio') return audioTrack(parameters, codec.name, OPUS_FRAME);
  return codec && videoTrack(parameters, codec.name);
}

function videoTrack(parameters: Parameters, codec: VideoTrack['codec']): VideoTrack {
  const { width, height } = parameters;
  return { kind: 'video', codec, width, height, extradata: extradataOf(parameters) };
}

function audioTrack(
  parameters: Parameters,
  codec: FileAudioCodec,
  frameSize: number,
): MuxedTrack | undefined {
  const extradata = extradataOf(parameters);
  if (!extradata) return undefined;
  const { channelLayout, initialPadding } = parameters;
  return {
    kind: 'audio',
    codec,
    channels: channelLayout.nbChannels,
    extradata,
    frameSize,
    initialPadding,
  };
}

function extradataOf({ extradata }: Parameters): Buffer | undefined {
  return extradata ? Buffer.from(extradata) : undefined;
}
