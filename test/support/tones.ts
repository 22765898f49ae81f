/** Level of a tone in a sound, in dBFS of its peak. */
export function toneDbfs(pcm: ArrayLike<number>, frequency: number): number {
  let re = 0;
  let im = 0;
  for (let i = 0; i < pcm.length; i++) {
    const w = 0.5 - 0.5 * Math.cos((2 * Math.PI * i) / pcm.length);
    re += (pcm[i] as number) * w * Math.cos((2 * Math.PI * frequency * i) / 48_000);
    im += (pcm[i] as number) * w * Math.sin((2 * Math.PI * frequency * i) / 48_000);
  }
  return 20 * Math.log10((4 * Math.hypot(re, im)) / pcm.length + 1e-9);
}
