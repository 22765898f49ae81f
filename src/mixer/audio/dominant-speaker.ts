/**
 * Finds the dominant speaker by comparing speech activity over three spans of time, after I. Volfin
 * and I. Cohen, "Dominant speaker identification for multipoint videoconferencing" (Computer Speech
 * & Language, 2013), with the constants of jitsi-utils. A cough or a slammed door is loud only for
 * a moment and does not win over the longer spans. Pure.
 */

/**
 * Level of 20 ms: 0 is silence (-127 dBov), 127 is full scale (RFC 6464 with the sign reversed).
 */
export type AudioLevel = number;

const MAX_LEVEL = 127;
const SILENCE_DBFS = -60;
/**
 * Steps of an immediate level, immediate spans (20 ms) in a medium one, medium spans in a long one.
 */
const N1 = 13;
const N2 = 5;
const N3 = 10;
const IMMEDIATES = N2 * N3;
/** An immediate span above this many steps is speech; so is a medium span with this much speech. */
const MEDIUM_THRESHOLD = 7;
const LONG_THRESHOLD = 4;
/**
 * How much more active a challenger must be than the dominant speaker, by span: natural logarithms.
 */
const C1 = 3;
const C2 = 2;
const C3 = 0;
const LAMBDA = { immediate: 0.78, medium: 24, long: 47 } as const;
const MIN_SCORE = 1e-10;
const DECISION_TICKS = 15;
/** The quietest of this many ticks (15 s) is background noise. */
const NOISE_TICKS = 750;
const NOISE_MARGIN = 7;

/** @param dbfs RMS level of a tick; levels below that of speech count as silence. */
export function audioLevel(dbfs: number): AudioLevel {
  if (dbfs < SILENCE_DBFS) return 0;
  return Math.max(0, Math.min(MAX_LEVEL, MAX_LEVEL + dbfs));
}

function logBinomial(n: number, k: number): number {
  let sum = 0;
  for (let i = 1; i <= k; i++) sum += Math.log((n - k + i) / i);
  return sum;
}

/** Score for `active` of `parts` being active, higher for what silence would not give. */
function activityScore(active: number, parts: number, lambda: number): number {
  const score =
    logBinomial(parts, active) + parts * Math.log(0.5) - Math.log(lambda) + lambda * active;
  return Math.max(MIN_SCORE, score);
}

class Speaker {
  /** Levels in steps, 0 to N1, the newest first. */
  private readonly immediates = new Array<number>(IMMEDIATES).fill(0);
  private noise = 0;
  private quietest = MAX_LEVEL;
  private ticks = 0;
  scores = { immediate: MIN_SCORE, medium: MIN_SCORE, long: MIN_SCORE };

  add(level: AudioLevel): void {
    this.quietest = Math.min(this.quietest, level);
    if (++this.ticks >= NOISE_TICKS) {
      this.noise = this.quietest;
      this.quietest = MAX_LEVEL;
      this.ticks = 0;
    }
    const heard = level > this.noise + NOISE_MARGIN ? level : 0;
    this.immediates.pop();
    this.immediates.unshift(Math.min(N1, Math.floor(heard / (MAX_LEVEL / N1))));
  }

  evaluate(): void {
    const mediums = Array.from({ length: N3 }, (_, index) => {
      const parts = this.immediates.slice(index * N2, (index + 1) * N2);
      return parts.filter((part) => part > MEDIUM_THRESHOLD).length;
    });
    const long = mediums.filter((medium) => medium >= LONG_THRESHOLD).length;
    this.scores = {
      immediate: activityScore(this.immediates[0] ?? 0, N1, LAMBDA.immediate),
      medium: activityScore(mediums[0] ?? 0, N2, LAMBDA.medium),
      long: activityScore(long, N3, LAMBDA.long),
    };
  }
}

export class DominantSpeaker<Id> {
  private readonly speakers = new Map<Id, Speaker>();
  private dominant: Id | undefined;
  private ticks = 0;

  /** Undefined until somebody has spoken; unchanged while nobody speaks. */
  get current(): Id | undefined {
    return this.dominant;
  }

  /** @param levels of one tick, of everybody; those who are missing are gone. */
  update(levels: ReadonlyMap<Id, AudioLevel>): Id | undefined {
    for (const id of this.speakers.keys()) if (!levels.has(id)) this.speakers.delete(id);
    for (const [id, level] of levels) {
      const speaker = this.speakers.get(id) ?? new Speaker();
      this.speakers.set(id, speaker);
      speaker.add(level);
    }
    if (this.dominant !== undefined && !levels.has(this.dominant)) this.dominant = undefined;
    this.ticks++;
    if (this.ticks % DECISION_TICKS === 0) this.decide();
    return this.dominant;
  }

  private decide(): void {
    for (const speaker of this.speakers.values()) speaker.evaluate();
    const leader = this.dominant === undefined ? undefined : this.speakers.get(this.dominant);
    const silent = { immediate: MIN_SCORE, medium: MIN_SCORE, long: MIN_SCORE };
    const than = leader?.scores ?? silent;
    let best = C2;
    for (const [id, { scores }] of this.speakers) {
      if (id === this.dominant || scores.medium <= MIN_SCORE) continue;
      const c1 = Math.log(scores.immediate / than.immediate);
      const c2 = Math.log(scores.medium / than.medium);
      const c3 = Math.log(scores.long / than.long);
      if (c1 <= C1 || c2 <= best || c3 <= C3) continue;
      best = c2;
      this.dominant = id;
    }
  }
}
