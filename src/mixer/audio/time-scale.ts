/**
 * Time scaling of 20 ms blocks by waveform similarity (WSOLA; Verhelst and Roelands 1993; NetEQ's
 * Accelerate and PreemptiveExpand do the same): removes or repeats one pitch period, with a
 * cross-fade where the waveform is most alike. The delay changes without a click and the pitch
 * stays.
 */

/** Pitch periods that are tried, in samples at 48 kHz: 2.5 to 10 ms. */
const MIN_LAG = 120;
const MAX_LAG = 480;
const STEP = 4;
/** With less (normalised) correlation the block is not scaled, unless it is nearly silent. */
const MIN_CORRELATION = 0.8;
const SILENCE_ENERGY = 1e-6;

interface Period {
  readonly lag: number;
  readonly good: boolean;
}

/** The lag at which the block resembles itself most, and whether it does so enough. */
function findPeriod(block: Float32Array, channels: number): Period {
  const frames = block.length / channels;
  const span = Math.min(MAX_LAG, frames - MAX_LAG);
  let best = { lag: MIN_LAG, correlation: -1 };
  let energyHead = 0;
  for (let i = 0; i < span; i += 2) energyHead += (block[i * channels] as number) ** 2;
  if (energyHead / (span / 2) < SILENCE_ENERGY) return { lag: MAX_LAG, good: true };
  for (let lag = MIN_LAG; lag <= MAX_LAG; lag += STEP) {
    let cross = 0;
    let energy = 0;
    for (let i = 0; i < span; i += 2) {
      const late = block[(i + lag) * channels] as number;
      cross += (block[i * channels] as number) * late;
      energy += late * late;
    }
    const correlation = cross / Math.sqrt(energyHead * energy + 1e-12);
    if (correlation > best.correlation) best = { lag, correlation };
  }
  return { lag: best.lag, good: best.correlation >= MIN_CORRELATION };
}

/** Cross-fades from `block` at `from` to `block` at `to` over `lag` frames, into `out` at `at`. */
function crossFade(
  block: Float32Array,
  from: number,
  to: number,
  lag: number,
  channels: number,
  out: Float32Array,
  at: number,
): void {
  for (let i = 0; i < lag; i++) {
    const gain = i / lag;
    for (let c = 0; c < channels; c++) {
      out[(at + i) * channels + c] =
        (block[(from + i) * channels + c] as number) * (1 - gain) +
        (block[(to + i) * channels + c] as number) * gain;
    }
  }
}

/** Returns the block shortened by one period, or the block itself where that would be heard. */
export function accelerate(block: Float32Array, channels: number): Float32Array {
  const { lag, good } = findPeriod(block, channels);
  if (!good) return block;
  const frames = block.length / channels;
  const out = new Float32Array((frames - lag) * channels);
  crossFade(block, 0, lag, lag, channels, out, 0);
  out.set(block.subarray(2 * lag * channels), lag * channels);
  return out;
}

/** Returns the block lengthened by one period, or the block itself where that would be heard. */
export function expand(block: Float32Array, channels: number): Float32Array {
  const { lag, good } = findPeriod(block, channels);
  if (!good) return block;
  const frames = block.length / channels;
  const out = new Float32Array((frames + lag) * channels);
  out.set(block.subarray(0, lag * channels), 0);
  crossFade(block, lag, 0, lag, channels, out, lag);
  out.set(block.subarray(lag * channels), 2 * lag * channels);
  return out;
}
