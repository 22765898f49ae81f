/** Keeps at most 64 keyframes of a recording, evenly spread, however long it is. Pure. */
import type { Micros } from '../util/units.js';

const MAX_KEPT = 64;
const FIRST_INTERVAL: Micros = 2_000_000;

export interface PickedKeyframe {
  readonly atMicros: Micros;
  readonly data: Buffer;
}

export class KeyframePicker {
  private kept: PickedKeyframe[] = [];
  private interval = FIRST_INTERVAL;

  get picked(): readonly PickedKeyframe[] {
    return this.kept;
  }

  offer(atMicros: Micros, data: Buffer): void {
    const last = this.kept.at(-1);
    if (last && atMicros - last.atMicros < this.interval) return;
    this.kept.push({ atMicros, data });
    if (this.kept.length <= MAX_KEPT) return;
    this.kept = this.kept.filter((_, index) => index % 2 === 0);
    this.interval *= 2;
  }
}
