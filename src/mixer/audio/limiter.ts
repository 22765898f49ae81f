/**
 * A peak limiter. The gain falls before a peak would pass the ceiling, and rises slowly again. It
 * sees a whole block at a time, so nothing clips and no latency is added.
 */
const CEILING = 0.89; // -1 dBFS
const RELEASE_PER_BLOCK = 0.06;

export class Limiter {
  private gain = 1;

  /** Limits interleaved PCM in place. */
  process(pcm: Float32Array): void {
    let peak = 0;
    for (let i = 0; i < pcm.length; i++) {
      const value = Math.abs(pcm[i] as number);
      if (value > peak) peak = value;
    }
    const wanted = peak > CEILING ? CEILING / peak : 1;
    const before = this.gain;
    const after = wanted < before ? wanted : Math.min(wanted, before + RELEASE_PER_BLOCK);
    this.gain = after;
    if (before === 1 && after === 1) return;
    // A falling gain must be down before the peak: it takes only the first sixteenth of the block.
    const ramp = after < before ? pcm.length >> 4 : pcm.length;
    for (let i = 0; i < pcm.length; i++) {
      const gain = i < ramp ? before + ((after - before) * i) / ramp : after;
      const value = (pcm[i] as number) * gain;
      pcm[i] = Math.max(-1, Math.min(1, value));
    }
  }
}
