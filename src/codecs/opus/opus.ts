import {
  Application,
  createDecoder,
  createEncoder,
  EncoderCtl,
  type OpusDecoderHandle,
  type OpusEncoderHandle,
} from 'libopus-wasm';

/** Samples per channel in one frame of the mix: 20 ms at 48 kHz. */
export const FRAME_SAMPLES = 960;
const SAMPLE_RATE = 48_000;
/** The longest Opus packet: 120 ms (RFC 6716, 2.1.4). */
const MAX_PACKET_SAMPLES = 5760;

export interface OpusEncoderOptions {
  readonly channels: 1 | 2;
  readonly bitrateBps: number;
  /** 0 to 10. With libopus-wasm 5 costs a sixth of 10, and hardly anybody hears the difference. */
  readonly complexity: number;
  /** Samples per channel in one packet; FRAME_SAMPLES by default. */
  readonly frameSamples?: number;
}

/** Encodes float PCM, one packet at a time. */
export class OpusEncoder implements Disposable {
  private constructor(private readonly handle: OpusEncoderHandle) {}

  static async open(options: OpusEncoderOptions): Promise<OpusEncoder> {
    return new OpusEncoder(
      await createEncoder({
        channels: options.channels,
        sampleRate: SAMPLE_RATE,
        application: Application.Audio,
        bitrate: options.bitrateBps,
        complexity: options.complexity,
        frameSize: options.frameSamples ?? FRAME_SAMPLES,
      }),
    );
  }

  /**
   * @param pcm interleaved, a packet's samples per channel.
   * @param independent makes this packet decodable without those before it, for receivers that change
   *   from another encoder to this one.
   */
  encode(pcm: Float32Array, independent: boolean): Uint8Array {
    if (independent) this.handle.encoderCtl(EncoderCtl.SetPredictionDisabled, 1);
    const packet = this.handle.encodeFloat(pcm);
    if (independent) this.handle.encoderCtl(EncoderCtl.SetPredictionDisabled, 0);
    return packet;
  }

  [Symbol.dispose](): void {
    this.handle.free();
  }
}

/** Decodes Opus packets, conceals missing ones, and reads in-band FEC. */
export class OpusDecoder implements Disposable {
  private constructor(
    private readonly handle: OpusDecoderHandle,
    readonly channels: 1 | 2,
  ) {}

  static async open(channels: 1 | 2): Promise<OpusDecoder> {
    return new OpusDecoder(
      await createDecoder({ channels, sampleRate: SAMPLE_RATE, maxFrameSize: MAX_PACKET_SAMPLES }),
      channels,
    );
  }

  /** The interleaved PCM of one packet; undefined if it is not a valid Opus packet. */
  decode(packet: Uint8Array): Float32Array | undefined {
    return this.attempt(() => this.handle.decodeFloat(packet));
  }

  /** The frame before `packet`, from the FEC in it; concealed if it carries none. */
  decodeFec(packet: Uint8Array, samples: number): Float32Array | undefined {
    return this.attempt(() =>
      this.handle.decodeFloat(packet, { decodeFec: true, frameSize: samples }),
    );
  }

  /** Packet loss concealment for `samples` per channel, a multiple of 120. */
  conceal(samples: number): Float32Array {
    return (
      this.attempt(() => this.handle.decodePacketLossFloat(samples)) ??
      new Float32Array(samples * this.channels)
    );
  }

  /** A packet that libopus refuses gives undefined; the caller counts it. */
  private attempt(decode: () => Float32Array): Float32Array | undefined {
    try {
      return decode();
    } catch {
      return undefined;
    }
  }

  [Symbol.dispose](): void {
    this.handle.free();
  }
}

/**
 * Duration of an Opus packet in samples at 48 kHz, from its TOC byte (RFC 6716, 3.1); 0 if malformed.
 */
export function opusPacketSamples(packet: Uint8Array): number {
  const toc = packet[0];
  if (toc === undefined) return 0;
  const config = toc >> 3;
  const frame =
    config < 12
      ? ([480, 960, 1920, 2880] as const)[(config & 3) as 0 | 1 | 2 | 3]
      : config < 16
        ? config & 1
          ? 960
          : 480
        : 120 << (config & 3);
  const code = toc & 3;
  const count = code === 0 ? 1 : code === 3 ? (packet[1] ?? 0) & 0x3f : 2;
  const samples = frame * count;
  return samples <= MAX_PACKET_SAMPLES ? samples : 0;
}
