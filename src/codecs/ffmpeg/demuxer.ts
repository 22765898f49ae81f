import {
  AV_NOPTS_VALUE,
  AVMEDIA_TYPE_AUDIO,
  AVMEDIA_TYPE_VIDEO,
  FormatContext,
  Packet,
} from 'node-av';
import type { CompositeCodec, Micros } from '../../util/units.js';
import { CODEC_IDS, type MuxedPacket, type MuxedTrack } from './muxer.js';

/** Reads a file that this server wrote. Not for files of others. */
export class Demuxer {
  private readonly packet = new Packet();

  private constructor(
    private readonly context: FormatContext,
    /** Those of known codecs, in the file's order. */
    readonly tracks: readonly MuxedTrack[],
    /** By the file's own index; undefined is not read. */
    private readonly indexes: readonly (number | undefined)[],
  ) {
    this.packet.alloc();
  }

  /** @throws Error if there is nothing in it that can be read. */
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

  /** The next packet in the file's order; undefined at its end, or where it is broken off. */
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

function trackOf(parameters: FormatContext['streams'][number]['codecpar']): MuxedTrack | undefined {
  const name = Object.entries(CODEC_IDS).find(([, id]) => id === parameters.codecId)?.[0];
  if (name === undefined) return undefined;
  const extradata = parameters.extradata ? Buffer.from(parameters.extradata) : undefined;
  if (parameters.codecType === AVMEDIA_TYPE_VIDEO) {
    const { width, height } = parameters;
    return { kind: 'video', codec: name as CompositeCodec, width, height, extradata };
  }
  if (parameters.codecType !== AVMEDIA_TYPE_AUDIO || !extradata) return undefined;
  const codec = name as 'opus' | 'aac';
  return {
    kind: 'audio',
    codec,
    channels: parameters.channelLayout.nbChannels,
    extradata,
    frameSize: codec === 'aac' ? 1024 : 960,
    initialPadding: parameters.initialPadding,
  };
}
