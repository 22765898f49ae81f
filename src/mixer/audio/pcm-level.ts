/** The level of silence, and of audio that is not to be heard. */
export const SILENT_DBFS = -120;

/** RMS level in dBFS; {@link SILENT_DBFS} for digital silence. */
export function levelDbfs(pcm: Float32Array): number {
  let sum = 0;
  for (let i = 0; i < pcm.length; i++) sum += (pcm[i] as number) ** 2;
  return 10 * Math.log10(sum / pcm.length + 1e-12);
}
