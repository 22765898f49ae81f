/**
 * Sums of counters whose owners come and go, or start again from zero: a participant who leaves, a
 * media process that is replaced. What was counted stays counted.
 */

type Numbers<Name extends string> = { readonly [Key in Name]?: number };

/** @typeParam Name of the counters. */
export class CounterTotals<Name extends string> {
  private readonly sums = new Map<Name, number>();
  private readonly last = new Map<string, Numbers<Name>>();
  /** The last values of live counters, in the order of their names. */
  private readonly seen = new WeakMap<object, number[]>();
  private readonly ignored: ReadonlySet<string>;

  /** @param gauges names that are never summed. */
  constructor(gauges: readonly string[] = []) {
    this.ignored = new Set(gauges);
  }

  /** @param owner whose counters these are. A counter below its last value started again from zero. */
  observe(owner: string, counters: Numbers<Name>): void {
    const before = this.last.get(owner);
    this.last.set(owner, counters);
    for (const name in counters) {
      const value = counters[name] ?? 0;
      const since = before?.[name] ?? 0;
      if (value !== since) this.add(name, value >= since ? value - since : value);
    }
  }

  /**
   * Counts what was added to counters that are in use, without a copy. They only grow: counting
   * from zero again needs another object.
   */
  observeLive(counters: Numbers<Name>): void {
    const known = this.seen.get(counters);
    const last = known ?? [];
    if (!known) this.seen.set(counters, last);
    let at = 0;
    for (const name in counters) {
      const value = counters[name] ?? 0;
      const since = last[at] ?? 0;
      if (value !== since) this.add(name, value - since);
      last[at++] = value;
    }
  }

  /** The owner is gone; what it counted stays. */
  forget(owner: string): void {
    this.last.delete(owner);
  }

  addAll(totals: Numbers<Name>): void {
    for (const name in totals) this.add(name, totals[name] ?? 0);
  }

  get totals(): Numbers<Name> {
    return Object.fromEntries(this.sums) as Numbers<Name>;
  }

  private add(name: Name, value: number): void {
    if (!this.ignored.has(name)) this.sums.set(name, (this.sums.get(name) ?? 0) + value);
  }
}
