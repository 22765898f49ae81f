/** What outlives the process: whole records, in order, whatever they are called. */
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { RecordStore } from '../../../src/util/record-store.js';

interface Value {
  readonly value: number;
}

function open(folder = join(mkdtempSync(join(tmpdir(), 'tessera-records-')), 'deep')) {
  const faults: unknown[] = [];
  const store = new RecordStore<Value>(folder, (error) => faults.push(error));
  return { folder, store, faults };
}

test('the last value of a record is loaded again; deleted records are not', async () => {
  const { folder, store, faults } = open();
  expect(await store.load()).toEqual(new Map());
  const names = ['a', 'café', '../up', 'x/y', '王'.repeat(64), 'x'.repeat(250)];
  for (const [value, name] of names.entries()) store.put(name, { value: value + 100 });
  for (const [value, name] of names.entries()) store.put(name, { value });
  store.put('gone', { value: 1 });
  store.delete('gone');
  await store.settled();
  const found = await open(folder).store.load();
  expect(new Map([...found].sort())).toEqual(
    new Map(names.map((name, value): [string, Value] => [name, { value }]).sort()),
  );
  expect(faults).toEqual([]);
  expect(readdirSync(folder).every((file) => file.endsWith('.json'))).toBe(true);
  for (const name of names) store.delete(name);
  await store.settled();
  expect(readdirSync(folder)).toEqual([]);
});

test('of many changes of one record the last one wins, whenever it is looked', async () => {
  const { folder, store } = open();
  for (let value = 0; value < 50; value++) {
    store.put('one', { value });
    if (value % 7 === 0) await store.settled();
  }
  await store.settled();
  expect(await open(folder).store.load()).toEqual(new Map([['one', { value: 49 }]]));
});

test('a broken file is reported and costs no other record; a folder that cannot be is reported', async () => {
  const { folder, store, faults } = open();
  await store.put('good', { value: 1 });
  writeFileSync(join(folder, 'bad.json'), '{');
  expect([...(await store.load()).keys()]).toEqual(['good']);
  expect(faults).toHaveLength(1);
  const nowhere = open(join(folder, 'bad.json', 'below-a-file'));
  await nowhere.store.put('x', { value: 1 });
  expect(nowhere.faults).toHaveLength(1);
});

test('a write that fails is told to who waits for it, and does not hold up the next one', async () => {
  const { folder, store, faults } = open();
  const parent = join(folder, '..');
  writeFileSync(folder, 'a file where the folder should be');
  await expect(store.write('one', { value: 1 })).rejects.toThrow();
  // The first fails, and the second waits behind it.
  store.put('two', { value: 1 });
  const second = store.put('two', { value: 2 });
  await expect(store.flushed((name) => name === 'two')).rejects.toThrow();
  await second;
  expect(faults).toHaveLength(3);
  await store.flushed(() => true);
  rmSync(folder);
  await store.write('one', { value: 3 });
  expect(await open(folder).store.load()).toEqual(new Map([['one', { value: 3 }]]));
  expect(readdirSync(parent)).toEqual(['deep']);
});
