/**
 * A gate that opens for speech and turns steady noise down. It sees the 20 ms that are about to be
 * mixed, so that speech is heard from its start. It attenuates instead of muting, so that soft
 * sounds before speech are not lost. Levels in dBFS (RMS over 20 ms). Pure.
 */

/** The noise floor is what stays the same; a louder level than this is never taken for noise. */
const MAX_FLOOR_DBFS = -45;
const MIN_FLOOR_DBFS = -90;
/** How fast the floor follows noise that grows, in dB per tick: 3 dB a second. */
const FLOOR_RISE = 0.06;
/** Share of the way to a quieter level that the floor falls per tick. */
const FLOOR_FALL = 0.3;
/** Speech is this much above the floor, and above this level. */
const OPEN_OVER_FLOOR_DB = 8;
const OPEN_DBFS = -58;
/** Pauses between words are shorter than this. */
const HOLD_TICKS = 15;
/** -15 dB. */
const CLOSED_GAIN = 0.18;

export class NoiseGate {
  private floor = -70;
  private quietTicks = HOLD_TICKS;

  /** @param attenuates false leaves the gain at 1; {@link isOpen} still works. */
  constructor(private readonly attenuates: boolean) {}

  /** Whether there is speech, or was a moment ago. */
  get isOpen(): boolean {
    return this.quietTicks < HOLD_TICKS;
  }

  /** Factor for the samples. */
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
