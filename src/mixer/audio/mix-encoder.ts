/** One Opus encode of a mix, through a limiter of its own. */
import { OpusEncoder } from '../../codecs/opus/opus.js';
import { Limiter } from './limiter.js';

const COMPLEXITY = 5;

export interface MixEncoderOptions {
  readonly channels: 1 | 2;
  readonly bitrateBps: number;
}

export class MixEncoder implements Disposable {
  private readonly limiter = new Limiter();

  private constructor(private readonly encoder: OpusEncoder) {}

  static async open(options: MixEncoderOptions): Promise<MixEncoder> {
    return new MixEncoder(await OpusEncoder.open({ ...options, complexity: COMPLEXITY }));
  }

  /**
   * @param pcm 20 ms, interleaved; limited in place.
   * @param isSwitch its listeners were given another encoder's packets until now.
   * @returns one packet, owned by the caller.
   */
  encode(pcm: Float32Array, isSwitch: boolean): Uint8Array {
    this.limiter.process(pcm);
    return this.encoder.encode(pcm, isSwitch);
  }

  [Symbol.dispose](): void {
    this.encoder[Symbol.dispose]();
  }
}
