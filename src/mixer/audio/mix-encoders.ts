/**
 * The encodes of one tick: the full mix for everybody who is not in it, and for each participant
 * who is in it the mix without their own audio (N-1, also called mix-minus). Callers may rely on: a
 * switch between the two is followed by a decoder without a click.
 */
import { FRAME_SAMPLES } from '../../codecs/opus/opus.js';
import type { SourceId } from '../../link/link-messages.js';
import { MixEncoder, type MixEncoderOptions } from './mix-encoder.js';

/** Ticks of the mix that an encoder encodes, unheard, before its first packet is sent. */
const PRIMING_TICKS = 3;

export class MixEncoders {
  private full: MixEncoder | undefined;
  /** By participant. Opened before their audio is taken, so that nobody ever hears themselves. */
  private readonly own = new Map<SourceId, MixEncoder>();
  /** The full mix of the last ticks, the oldest first. */
  private readonly history: Float32Array[];
  private readonly scratch: Float32Array;

  constructor(private readonly options: MixEncoderOptions) {
    const empty = () => new Float32Array(FRAME_SAMPLES * options.channels);
    this.history = Array.from({ length: PRIMING_TICKS }, empty);
    this.scratch = empty();
  }

  /** Opens the encoder of the full mix; to be called once before the first tick. */
  async start(): Promise<void> {
    this.full = await this.open();
  }

  open(): Promise<MixEncoder> {
    return MixEncoder.open(this.options);
  }

  /** Takes an encoder for a participant; disposes of it if they have one. */
  add(owner: SourceId, encoder: MixEncoder): void {
    if (this.own.has(owner)) encoder[Symbol.dispose]();
    else this.own.set(owner, encoder);
  }

  remove(owner: SourceId): void {
    this.own.get(owner)?.[Symbol.dispose]();
    this.own.delete(owner);
  }

  /**
   * @param isSwitch somebody hears the full mix who heard a mix of their own until now.
   * @returns undefined before {@link start} resolved.
   */
  encodeFull(mix: Float32Array, isSwitch: boolean): Uint8Array | undefined {
    if (!this.full) return undefined;
    this.scratch.set(mix);
    return this.full.encode(this.scratch, isSwitch);
  }

  /**
   * @param without gives the mix without the participant's audio; the buffer is changed.
   * @param isSwitch the participant heard the full mix until now.
   * @returns undefined if the participant has no encoder.
   */
  encodeOwn(
    owner: SourceId,
    without: () => Float32Array,
    isSwitch: boolean,
  ): Uint8Array | undefined {
    const encoder = this.own.get(owner);
    if (!encoder) return undefined;
    if (isSwitch) this.prime(encoder);
    return encoder.encode(without(), isSwitch);
  }

  /** The tick is over. @param mix its full mix. */
  remember(mix: Float32Array): void {
    const oldest = this.history.shift() as Float32Array;
    oldest.set(mix);
    this.history.push(oldest);
  }

  close(): void {
    for (const owner of [...this.own.keys()]) this.remove(owner);
    this.full?.[Symbol.dispose]();
    this.full = undefined;
  }

  /** Opus frames overlap: an encoder has to have heard what its listener heard until now. */
  private prime(encoder: MixEncoder): void {
    for (const pcm of this.history) {
      this.scratch.set(pcm);
      encoder.encode(this.scratch, false);
    }
  }
}
