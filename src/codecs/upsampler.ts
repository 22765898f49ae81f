/**
 * Raises the sample rate of mono audio by a whole factor: a windowed-sinc low-pass filter in phases.
 * Keeps the end of each packet for the start of the next. Each packet gives exactly `factor` samples for
 * one of its own. Pure.
 */

/** Input samples that each output sample is made from; half of them is the delay. */
const TAPS = 24;
/** Where the filter begins to close, as a share of the input's sample rate; 0.5 is its upper limit. */
const CUTOFF = 0.455;

/** Blackman's window, from 0 to 1. */
function windowAt(position: number): number {
  return 0.42 - 0.5 * Math.cos(2 * Math.PI * position) + 0.08 * Math.cos(4 * Math.PI * position);
}

function sinc(x: number): number {
  return x === 0 ? 1 : Math.sin(Math.PI * x) / (Math.PI * x);
}

/** The weights of the input samples, for each output sample between two of the input. */
function phasesOf(factor: number): Float32Array[] {
  return Array.from({ length: factor }, (_, phase) => {
    const weights = Float32Array.from({ length: TAPS }, (_, tap) => {
      const distance = TAPS / 2 - tap - 1 + phase / factor;
      return sinc(2 * CUTOFF * distance) * windowAt((distance + TAPS / 2) / TAPS);
    });
    const sum = weights.reduce((total, weight) => total + weight, 0);
    return weights.map((weight) => weight / sum);
  });
}

export class Upsampler {
  private readonly phases: readonly Float32Array[];
  private history = new Float32Array(TAPS - 1);

  /** @param factor 6 from 8 to 48 kHz, 3 from 16 kHz. */
  constructor(private readonly factor: number) {
    this.phases = phasesOf(factor);
  }

  /** @returns `factor` times as many samples, later by {@link TAPS} / 2 input samples. */
  push(samples: Float32Array): Float32Array {
    const { factor, phases } = this;
    const input = new Float32Array(this.history.length + samples.length);
    input.set(this.history);
    input.set(samples, this.history.length);
    this.history = input.slice(samples.length);
    const out = new Float32Array(samples.length * factor);
    for (let at = 0, to = 0; at < samples.length; at++) {
      for (let phase = 0; phase < factor; phase++, to++) {
        const weights = phases[phase] as Float32Array;
        let sum = 0;
        for (let tap = 0; tap < TAPS; tap++) {
          sum += (input[at + tap] as number) * (weights[tap] as number);
        }
        out[to] = sum;
      }
    }
    return out;
  }
}
