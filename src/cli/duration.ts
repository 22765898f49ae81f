const UNITS = { s: 1, m: 60, h: 3600, d: 86_400 } as const;

/** Seconds of `90s`, `15m`, `6h` or `7d`; undefined for anything else. */
export function secondsOf(text: string): number | undefined {
  const match = /^(\d{1,8})([smhd])$/.exec(text);
  if (!match) return undefined;
  const seconds = Number(match[1]) * UNITS[match[2] as keyof typeof UNITS];
  return seconds > 0 ? seconds : undefined;
}
