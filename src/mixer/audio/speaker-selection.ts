/**
 * Chooses who is in the mix: the loudest few, with a hold time so that nobody is cut off at the end
 * of a word. Levels in dBFS (RMS over 20 ms). Pure.
 */
export interface SpeakerOptions {
  /** Sources in the mix at once, at most. */
  readonly maxSpeakers: number;
}

/** A source enters the mix above ENTER_DBFS, and leaves it after HOLD_TICKS below LEAVE_DBFS. */
const ENTER_DBFS = -55;
const LEAVE_DBFS = -60;
const HOLD_TICKS = 50;
/** When the mix is full, a source must be this much louder than its quietest one to replace it. */
const TAKEOVER_DB = 6;

interface Candidate {
  smoothed: number;
  quietTicks: number;
}

export class SpeakerSelection<Id> {
  private readonly candidates = new Map<Id, Candidate>();
  private readonly selected = new Set<Id>();

  constructor(private readonly options: SpeakerOptions) {}

  /** @param levels of everybody on this tick. @returns who is in the mix. */
  update(levels: ReadonlyMap<Id, number>): ReadonlySet<Id> {
    for (const id of this.candidates.keys()) if (!levels.has(id)) this.forget(id);
    for (const [id, level] of levels) this.track(id, level);
    for (const id of this.selected) {
      if ((this.candidates.get(id)?.quietTicks ?? HOLD_TICKS) >= HOLD_TICKS)
        this.selected.delete(id);
    }
    const waiting = [...levels.keys()]
      .filter((id) => !this.selected.has(id) && (levels.get(id) as number) > ENTER_DBFS)
      .sort((a, b) => (levels.get(b) as number) - (levels.get(a) as number));
    for (const id of waiting) {
      if (this.selected.size < this.options.maxSpeakers) {
        this.selected.add(id);
        continue;
      }
      const quietest = this.quietest();
      const gained = (levels.get(id) as number) - this.smoothed(quietest);
      if (gained < TAKEOVER_DB) break;
      this.selected.delete(quietest);
      this.selected.add(id);
    }
    return this.selected;
  }

  private track(id: Id, level: number): void {
    const candidate = this.candidates.get(id) ?? { smoothed: -100, quietTicks: HOLD_TICKS };
    this.candidates.set(id, candidate);
    candidate.smoothed = Math.max(level, candidate.smoothed - 1);
    candidate.quietTicks = level > LEAVE_DBFS ? 0 : candidate.quietTicks + 1;
  }

  private forget(id: Id): void {
    this.candidates.delete(id);
    this.selected.delete(id);
  }

  private smoothed(id: Id): number {
    return this.candidates.get(id)?.smoothed ?? -100;
  }

  private quietest(): Id {
    return [...this.selected].reduce((a, b) => (this.smoothed(b) < this.smoothed(a) ? b : a));
  }
}
