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
