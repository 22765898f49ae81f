import { CounterTotals } from '../util/counter-totals.js';
import { EncodeTotals } from './encode-totals.js';
import type { RoomCounters, RoomTotals } from './room-counters.js';

/** Sums the totals of several rooms. */
export class ServerTotals {
  private readonly counters = new CounterTotals<keyof RoomCounters>();
  private readonly encodes = new EncodeTotals();

  add({ counters, encodes }: RoomTotals): void {
    this.counters.addAll(counters);
    this.encodes.addAll(encodes);
  }

  get totals(): RoomTotals {
    return { counters: this.counters.totals, encodes: this.encodes.totals };
  }
}
