/**
 * Brings voices to the same loudness, so slowly that the change is not heard. Loudness is that of
 * ITU-R BS.1770-5 (K-weighting), measured over speech only, without the pauses. Pure.
 */

/** Speech of this loudness is comfortable next to the other sounds of a computer. */
const TARGET_LUFS = -20;
const MAX_GAIN_DB = 18;
const MIN_GAIN_DB = -12;
/** Change per tick of 20 ms: 3 dB a second up, 9 down. */
const RISE_DB = 0.06;
const FALL_DB = 0.18;
/** Weight of a tick in the running mean: about a second and a half of speech. */
const SMOOTHING = 0.013;

interface Biquad {
  readonly b: readonly [number, number, number];
  readonly a: readonly [number, number];
}

/** BS.1770-5, tables 1 and 2, for 48 kHz. */
const SHELF: Biquad = {
  b: [1.53512485958697, -2.69169618940638, 1.19839281085285],
  a: [-1.69065929318241, 0.73248077421585],
};
const HIGH_PASS: Biquad = { b: [1, -2, 1], a: [-1.99004745483398, 0.99007225036621] };

/** K-weighting of one channel: two direct-form-II sections in a row. */
class KWeighting {
  private readonly state = new Float64Array(4);

  /** Mean square of the weighted samples of one channel. @param stride channels in `pcm`. */
  meanSquare(pcm: Float32Array, channel: number, stride: number): number {
    const { state } = this;
    let sum = 0;
    for (let i = channel; i < pcm.length; i += stride) {
      const shelved = this.filter(SHELF, 0, pcm[i] as number);
      const weighted = this.filter(HIGH_PASS, 2, shelved);
      sum += weighted * weighted;
    }
    // Calculations with denormal numbers are slow.
    for (let i = 0; i < state.length; i++) if (Math.abs(state[i] as number) < 1e-20) state[i] = 0;
    return sum / (pcm.length / stride);
  }

  private filter({ b, a }: Biquad, at: number, input: number): number {
    const { state } = this;
    const [first, second] = [state[at] as number, state[at + 1] as number];
    const middle = input - a[0] * first - a[1] * second;
    state[at + 1] = first;
    state[at] = middle;
    return b[0] * middle + b[1] * first + b[2] * second;
  }
}

export class LoudnessControl {
  private readonly filters: readonly KWeighting[];
  private meanSquare = 0;
  private weight = 0;
  private gainDb = 0;

  constructor(private readonly channels: number) {
    this.filters = Array.from({ length: channels }, () => new KWeighting());
  }

  /** Factor for the samples. */
  get gain(): number {
    return 10 ** (this.gainDb / 20);
  }

  /**
   * @param pcm interleaved, 20 ms at 48 kHz.
   * @param spoken whether it contains speech.
   */
  update(pcm: Float32Array, spoken: boolean): void {
    if (!spoken) return;
    let power = 0;
    for (const [channel, filter] of this.filters.entries()) {
      power += filter.meanSquare(pcm, channel, this.channels);
    }
    this.meanSquare += (power - this.meanSquare) * SMOOTHING;
    this.weight += (1 - this.weight) * SMOOTHING;
    const loudness = -0.691 + 10 * Math.log10(this.meanSquare / this.weight + 1e-12);
    const wanted = Math.min(MAX_GAIN_DB, Math.max(MIN_GAIN_DB, TARGET_LUFS - loudness));
    const step = Math.min(RISE_DB, Math.max(-FALL_DB, wanted - this.gainDb));
    this.gainDb += step;
  }
}
