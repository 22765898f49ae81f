/**
 * What becomes of sources that were in a decoder when a process crashed. A suspect is not decoded in
 * the room any more: it goes on probation, in a process of its own. If it crashes that too, it is not
 * decoded at all for 30 s, twice as long each time, and goes on probation again. Pure: takes `now`.
 */
import type { SourceId } from '../link/link-messages.js';
import type { Micros } from '../util/units.js';

const FIRST_HOLD: Micros = 30_000_000;
const LONGEST_HOLD: Micros = 3_600_000_000;
/** A source without a crash for this long starts over. */
const FORGIVEN: Micros = 600_000_000;

/** `probation`: decoded in a process of its own. `held`: not decoded. */
export type Standing = 'probation' | 'held';

interface Suspect {
  standing: Standing | 'free';
  /** When it is no longer held, or was suspected. */
  heldUntil: Micros;
  /** Crashes that it was found guilty of. */
  crashes: number;
}

export class Quarantine {
  private readonly suspects = new Map<SourceId, Suspect>();

  /** Where the source stands; undefined if it is decoded in the room. */
  standingOf(source: SourceId): Standing | undefined {
    const standing = this.suspects.get(source)?.standing;
    return standing === 'free' ? undefined : standing;
  }

  /** Sources that are not decoded in the room. */
  get apart(): ReadonlySet<SourceId> {
    return this.with((standing) => standing !== 'free');
  }

  get onProbation(): ReadonlySet<SourceId> {
    return this.with((standing) => standing === 'probation');
  }

  /** The room's process crashed while these were in a decoder: they go on probation. */
  suspect(sources: readonly SourceId[], now: Micros): void {
    for (const source of sources) {
      const known = this.suspects.get(source);
      const isForgiven = known === undefined || now - known.heldUntil > FORGIVEN;
      const crashes = isForgiven ? 0 : known.crashes;
      this.suspects.set(source, { standing: 'probation', heldUntil: now, crashes });
    }
  }

  /** The process of those on probation crashed while this one was in a decoder. */
  convict(source: SourceId, now: Micros): void {
    const suspect = this.suspects.get(source);
    if (!suspect) return;
    const hold = Math.min(LONGEST_HOLD, FIRST_HOLD * 2 ** suspect.crashes);
    suspect.standing = 'held';
    suspect.heldUntil = now + hold;
    suspect.crashes++;
  }

  /** The source was decoded on probation without a crash. */
  acquit(source: SourceId): void {
    const suspect = this.suspects.get(source);
    if (suspect?.standing === 'probation') suspect.standing = 'free';
  }

  /** A host lifts the quarantine: probation begins now. @returns whether the source was held. */
  lift(source: SourceId): boolean {
    const suspect = this.suspects.get(source);
    if (suspect?.standing !== 'held') return false;
    suspect.standing = 'probation';
    return true;
  }

  /** Puts those on probation whose time is over. @returns whether there were any. */
  tick(now: Micros): boolean {
    let changed = false;
    for (const suspect of this.suspects.values()) {
      if (suspect.standing !== 'held' || now < suspect.heldUntil) continue;
      suspect.standing = 'probation';
      changed = true;
    }
    return changed;
  }

  /** Keeps what is known of these sources alone. */
  keepOnly(present: ReadonlySet<SourceId>): void {
    for (const source of this.suspects.keys()) {
      if (!present.has(source)) this.suspects.delete(source);
    }
  }

  private with(fits: (standing: Suspect['standing']) => boolean): ReadonlySet<SourceId> {
    const found = [...this.suspects].filter(([, { standing }]) => fits(standing));
    return new Set(found.map(([source]) => source));
  }
}
