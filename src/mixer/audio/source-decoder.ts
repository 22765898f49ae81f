/** Decodes one source's audio, whatever codec its packets are in. */
import { TelephonyDecoder } from '../../codecs/ffmpeg/telephony-decoder.js';
import type { OpusDecoder } from '../../codecs/opus/opus.js';
import type { AudioCodec, TelephonyCodec } from '../../protocol/codec-names.js';

/** What the jitter buffer needs of a decoder. All PCM is interleaved, at 48 kHz. */
export interface AudioDecoder {
  readonly channels: 1 | 2;
  /** @returns undefined if the packet is not valid. */
  decode(packet: Uint8Array, codec: AudioCodec): Float32Array | undefined;
  /** The frame before `packet`, if the packet carries it. */
  decodeFec(packet: Uint8Array, samples: number, codec: AudioCodec): Float32Array | undefined;
  /** @param samples per channel, a multiple of 120. */
  conceal(samples: number): Float32Array;
}

export class SourceDecoder implements AudioDecoder, Disposable {
  private telephony: TelephonyDecoder | undefined;
  /** What was decoded last, and is concealed. */
  private last: AudioCodec = 'opus';

  /** @param opus owned by this from now on. */
  constructor(private readonly opus: OpusDecoder) {}

  get channels(): 1 | 2 {
    return this.opus.channels;
  }

  decode(packet: Uint8Array, codec: AudioCodec): Float32Array | undefined {
    this.last = codec;
    return codec === 'opus' ? this.opus.decode(packet) : this.telephonyFor(codec).decode(packet);
  }

  decodeFec(packet: Uint8Array, samples: number, codec: AudioCodec): Float32Array | undefined {
    return codec === 'opus' ? this.opus.decodeFec(packet, samples) : undefined;
  }

  conceal(samples: number): Float32Array {
    const { last } = this;
    return (last === 'opus' ? this.opus : this.telephonyFor(last)).conceal(samples);
  }

  [Symbol.dispose](): void {
    this.opus[Symbol.dispose]();
    this.telephony?.[Symbol.dispose]();
  }

  private telephonyFor(codec: TelephonyCodec): TelephonyDecoder {
    if (this.telephony?.codec === codec) return this.telephony;
    this.telephony?.[Symbol.dispose]();
    this.telephony = new TelephonyDecoder(codec, this.channels);
    return this.telephony;
  }
}
