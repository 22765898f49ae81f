import { expect, test } from 'vitest';
import { CounterTotals } from '../../../src/util/counter-totals.js';

test('counts stay when their owner goes or starts again from zero', () => {
  const totals = new CounterTotals<'packets' | 'level'>(['level']);
  totals.observe('a', { packets: 10, level: 3 });
  totals.observe('b', { packets: 5 });
  totals.observe('a', { packets: 12 });
  totals.forget('a');
  // The same name, after a restart.
  totals.observe('b', { packets: 2 });
  expect(totals.totals).toEqual({ packets: 19 });
});

test('totals of several owners add up', () => {
  const all = new CounterTotals<'packets'>();
  all.addAll({ packets: 3 });
  all.addAll({ packets: 4 });
  expect(all.totals).toEqual({ packets: 7 });
});

test('counters in use are counted once, however frequently they are read', () => {
  const totals = new CounterTotals<'packets' | 'bytes' | 'level'>(['level']);
  const live = { packets: 1, bytes: 0, level: 7 };
  totals.observeLive(live);
  live.packets += 4;
  live.bytes = 100;
  totals.observeLive(live);
  totals.observeLive(live);
  // The same owner starts again.
  totals.observeLive({ packets: 2, bytes: 0, level: 7 });
  expect(totals.totals).toEqual({ packets: 7, bytes: 100 });
});
