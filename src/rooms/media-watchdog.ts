/**
 * Notices a participant who is connected without media: the microphone or the camera is on and nothing
 * arrives, its frames cannot be decoded, or the participant receives nothing of what is sent to them.
 * Pure; times in microseconds.
 */
import { MISSING_MEDIA, type MissingMedia } from '../protocol/participants.js';
import type { Micros } from '../util/units.js';

/** How long media may take after the connection, or after it was switched on. */
export const MEDIA_LIMIT: Micros = 5_000_000;

/** Of one kind of media: whether there should be some, and a count that grows with it. */
export interface Expectation {
  readonly expected: boolean;
  readonly progress: number;
  /** It is known to be missing, whatever the count says. */
  readonly known?: boolean;
}

interface Watch {
  /** Undefined while nothing is expected. */
  since: Micros | undefined;
  /** Of the count when it began. */
  from: number;
  missing: boolean;
}

export interface WatchdogCounters {
  media_missing_audio: number;
  media_missing_video: number;
  media_missing_mix: number;
}

export class MediaWatchdog {
  readonly counters: WatchdogCounters = {
    media_missing_audio: 0,
    media_missing_video: 0,
    media_missing_mix: 0,
  };
  private readonly watches: Record<MissingMedia, Watch> = {
    audio: { since: undefined, from: 0, missing: false },
    video: { since: undefined, from: 0, missing: false },
    mix: { since: undefined, from: 0, missing: false },
  };

  /** What is missing at present. */
  get missing(): MissingMedia[] {
    return MISSING_MEDIA.filter((kind) => this.watches[kind].missing);
  }

  /**
   * Called a few times a second.
   * @returns what is missing from now on that was not before; undefined if nothing changed.
   */
  look(
    state: Readonly<Record<MissingMedia, Expectation>>,
    now: Micros,
  ): MissingMedia[] | undefined {
    const before = this.missing;
    for (const kind of MISSING_MEDIA) {
      const watch = this.watches[kind];
      const was = watch.missing;
      watch.missing = isMissing(watch, state[kind], now);
      if (watch.missing && !was) this.counters[`media_missing_${kind}`]++;
    }
    const after = this.missing;
    if (`${after}` === `${before}`) return undefined;
    return after.filter((kind) => !before.includes(kind));
  }
}

function isMissing(watch: Watch, { expected, progress, known }: Expectation, now: Micros): boolean {
  if (!expected) {
    watch.since = undefined;
    return false;
  }
  if (watch.since === undefined) {
    watch.since = now;
    watch.from = progress;
  }
  return known === true || (progress === watch.from && now - watch.since >= MEDIA_LIMIT);
}
