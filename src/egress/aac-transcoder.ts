/**
 * Stage: transcodes an Opus track without gaps to AAC, for files and destinations that do not take
 * Opus. The first audible sample keeps its time.
 */
import { AAC_FRAME, AacEncoder } from '../codecs/ffmpeg/aac-encoder.js';
import type { AudioTrack } from '../codecs/ffmpeg/muxer.js';
import { OpusDecoder } from '../codecs/opus/opus.js';
import type { Micros } from '../util/units.js';
import type { GridPacket } from './audio-grid.js';
import { OPUS_PRE_SKIP } from './containers.js';

const RATE = 48_000;

export class AacTranscoder implements Disposable {
  private readonly pending: Float32Array;
  private filled = 0;
  private toSkip = OPUS_PRE_SKIP;
  /** Samples in the packets so far, without the encoder's delay. */
  private sent = 0;
  private start: Micros | undefined;

  private constructor(
    private readonly decoder: OpusDecoder,
    private readonly encoder: AacEncoder,
    private readonly channels: 1 | 2,
  ) {
    this.pending = new Float32Array(AAC_FRAME * channels);
  }

  static async open(channels: 1 | 2, bitrateBps: number): Promise<AacTranscoder> {
    const decoder = await OpusDecoder.open(channels);
    return new AacTranscoder(decoder, await AacEncoder.open(channels, bitrateBps), channels);
  }

  get track(): AudioTrack {
    const { extradata, initialPadding } = this.encoder;
    const { channels } = this;
    return {
      kind: 'audio',
      codec: 'aac',
      channels,
      extradata,
      frameSize: AAC_FRAME,
      initialPadding,
    };
  }

  /** Takes the next Opus packet. @returns the AAC packets that are complete. */
  push({ ptsMicros, data }: GridPacket): GridPacket[] {
    this.start ??= ptsMicros;
    const pcm = this.decoder.decode(data) ?? this.decoder.conceal(960);
    const skipped = Math.min(this.toSkip * this.channels, pcm.length);
    this.toSkip -= skipped / this.channels;
    return this.take(pcm.subarray(skipped));
  }

  /** Ends the track. @returns the last packets. */
  end(): GridPacket[] {
    this.pending.fill(0, this.filled);
    const rest = this.filled > 0 ? this.encoder.encode(this.pending) : [];
    return [...rest, ...this.encoder.encode(undefined)].map((data) => this.timed(data));
  }

  [Symbol.dispose](): void {
    this.encoder[Symbol.dispose]();
    this.decoder[Symbol.dispose]();
  }

  private take(pcm: Float32Array): GridPacket[] {
    const packets: GridPacket[] = [];
    for (let at = 0; at < pcm.length; ) {
      const part = pcm.subarray(at, at + this.pending.length - this.filled);
      this.pending.set(part, this.filled);
      this.filled += part.length;
      at += part.length;
      if (this.filled < this.pending.length) break;
      this.filled = 0;
      for (const data of this.encoder.encode(this.pending)) packets.push(this.timed(data));
    }
    return packets;
  }

  private timed(data: Buffer): GridPacket {
    const ptsMicros = (this.start ?? 0) + (this.sent * 1_000_000) / RATE;
    this.sent += AAC_FRAME;
    return { ptsMicros, durationMicros: (AAC_FRAME * 1_000_000) / RATE, data };
  }
}
