/**
 * A gate that opens on speech and leaves steady noise quiet. It looks at the 20 ms that are about to be
 * mixed, so what opens it is heard from its beginning, and it attenuates in place of muting, so that
 * softer sounds just before are not gone either. Levels in dBFS (RMS over 20 ms). Pure.
 */

/** Noise is told from speech by staying as it is; what is louder than this is never taken for noise. */
const MAX_FLOOR_DBFS = -45;
const MIN_FLOOR_DBFS = -90;
/** How fast the floor follows noise that grows, in dB per tick: 3 dB a second. */
const FLOOR_RISE = 0.06;
/** Share of the way that the floor falls per tick towards something quieter. */
const FLOOR_FALL = 0.3;
/** Above the floor by this much, and above this level at all, something is said. */
const OPEN_OVER_FLOOR_DB = 8;
const OPEN_DBFS = -58;
/** Pauses between words are shorter than this. */
const HOLD_TICKS = 15;
/** -15 dB. */
const CLOSED_GAIN = 0.18;

export class NoiseGate {
  private floor = -70;
  private quietTicks = HOLD_TICKS;

  /** @param attenuates false only tells when something is said. */
  constructor(private readonly attenuates: boolean) {}

  /** Whether something is said, or was a moment ago. */
  get isOpen(): boolean {
    return this.quietTicks < HOLD_TICKS;
  }

  /** What the sound is to be multiplied by. */
  get gain(): number {
    return this.isOpen || !this.attenuates ? 1 : CLOSED_GAIN;
  }

  update(level: number): void {
    if (level < this.floor) this.floor += (level - this.floor) * FLOOR_FALL;
    else this.floor += FLOOR_RISE;
    this.floor = Math.min(MAX_FLOOR_DBFS, Math.max(MIN_FLOOR_DBFS, this.floor));
    const opens = level > Math.max(OPEN_DBFS, this.floor + OPEN_OVER_FLOOR_DB);
    this.quietTicks = opens ? 0 : this.quietTicks + 1;
  }
}
