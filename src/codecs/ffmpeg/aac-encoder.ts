import {
  AV_CHANNEL_ORDER_NATIVE,
  AV_CODEC_FLAG_GLOBAL_HEADER,
  AV_SAMPLE_FMT_FLTP,
  Codec,
  CodecContext,
  FF_ENCODER_AAC,
  Frame,
  Packet,
} from 'node-av';

const SAMPLE_RATE = 48_000;
/** Samples per channel in a packet. */
export const AAC_FRAME = 1024;

/** Encodes float PCM to AAC-LC with FFmpeg's own encoder, 1024 samples a packet. */
export class AacEncoder implements Disposable {
  private readonly context = new CodecContext();
  private readonly packet = new Packet();
  private readonly frame = new Frame();
  private pts = 0n;
  private closed = false;

  private constructor(private readonly channels: 1 | 2) {
    this.packet.alloc();
    this.frame.alloc();
  }

  static async open(channels: 1 | 2, bitrateBps: number): Promise<AacEncoder> {
    const codec = Codec.findEncoderByName(FF_ENCODER_AAC);
    if (!codec) throw new Error('this FFmpeg build has no AAC encoder');
    const encoder = new AacEncoder(channels);
    const { context, frame } = encoder;
    const channelLayout = {
      nbChannels: channels,
      order: AV_CHANNEL_ORDER_NATIVE,
      mask: channels === 2 ? 3n : 4n,
    };
    context.allocContext3(codec);
    context.sampleRate = SAMPLE_RATE;
    context.sampleFormat = AV_SAMPLE_FMT_FLTP;
    context.channelLayout = channelLayout;
    context.bitRate = BigInt(bitrateBps);
    context.timeBase = { num: 1, den: SAMPLE_RATE } as typeof context.timeBase;
    context.setFlags(AV_CODEC_FLAG_GLOBAL_HEADER);
    const opened = await context.open2(codec, null);
    if (opened < 0) throw new Error(`cannot open the AAC encoder (${opened})`);
    frame.format = AV_SAMPLE_FMT_FLTP;
    frame.sampleRate = SAMPLE_RATE;
    frame.channelLayout = channelLayout;
    frame.nbSamples = AAC_FRAME;
    if (frame.getBuffer(0) < 0) throw new Error('no memory for sound');
    return encoder;
  }

  /** AudioSpecificConfig (ISO/IEC 14496-3, 1.6.2). */
  get extradata(): Buffer {
    return Buffer.from(this.context.extraData ?? []);
  }

  /** Samples that the encoder puts before the first: a packet. */
  get initialPadding(): number {
    return AAC_FRAME;
  }

  /** @param pcm interleaved, AAC_FRAME samples per channel; undefined asks for the last packets. */
  encode(pcm: Float32Array | undefined): Buffer[] {
    if (this.closed) return [];
    if (pcm) this.fill(pcm);
    const sent = this.context.sendFrameSync(pcm ? this.frame : null);
    if (sent < 0) throw new Error(`the AAC encoder refused a frame (${sent})`);
    const packets: Buffer[] = [];
    while (this.context.receivePacketSync(this.packet) >= 0) {
      if (this.packet.data) packets.push(Buffer.from(this.packet.data));
      this.packet.unref();
    }
    return packets;
  }

  [Symbol.dispose](): void {
    if (this.closed) return;
    this.closed = true;
    this.frame.free();
    this.packet.free();
    this.context.freeContext();
  }

  private fill(pcm: Float32Array): void {
    const { frame, channels } = this;
    // The encoder may still hold what it was given last.
    frame.makeWritable();
    frame.pts = this.pts;
    this.pts += BigInt(AAC_FRAME);
    const planes = frame.data ?? [];
    for (let channel = 0; channel < channels; channel++) {
      const plane = planes[channel];
      if (!plane) throw new Error('no memory for sound');
      const samples = new Float32Array(plane.buffer, plane.byteOffset, AAC_FRAME);
      for (let i = 0; i < AAC_FRAME; i++) samples[i] = pcm[i * channels + channel] as number;
    }
  }
}
