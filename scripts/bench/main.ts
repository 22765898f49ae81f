/**
 * `npm run bench`: what Tessera costs, how late it is and how far it goes, against the codec floor and
 * against what people use instead; one table, and `bench.json` in `.cache`. `npm run bench -- NAME`
 * does one part; `--write` puts what the file holds of all parts into docs/benchmarks.md.
 */
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { cpus } from 'node:os';
import { fileURLToPath } from 'node:url';
import { benchAlternatives } from './alternatives.js';
import { benchAudioRooms } from './audio-rooms.js';
import { benchCapacity } from './capacity.js';
import { benchCost } from './cost.js';
import { benchLatency } from './latency.js';
import { benchMemory } from './memory.js';
import { benchReaction } from './reaction.js';
import { type Bench, type Row, tableOf } from './report.js';

const BENCHES: Readonly<Record<string, Bench>> = {
  cost: benchCost,
  alternatives: benchAlternatives,
  latency: benchLatency,
  reaction: benchReaction,
  capacity: benchCapacity,
  audio: benchAudioRooms,
  memory: benchMemory,
};
const FOLDER = new URL('../../.cache/', import.meta.url);
const PAGE = new URL('../../docs/benchmarks.md', import.meta.url);
const MARKS = ['<!-- bench -->', '<!-- end of bench -->'] as const;

const words = process.argv.slice(2);
const args = words.filter((word) => !word.startsWith('--'));
const [name, ...rest] = args;
if (name !== undefined && !BENCHES[name]) {
  throw new Error(`there is no ${name}; there are ${Object.keys(BENCHES).join(', ')}`);
}
const file = new URL('bench.json', FOLDER);
/** What was measured before, by part; a row that is measured again takes its place. */
const parts: Record<string, Row[]> = existsSync(file)
  ? ((JSON.parse(readFileSync(file, 'utf8')) as { parts?: Record<string, Row[]> }).parts ?? {})
  : {};
const measured: Row[] = [];
for (const [one, bench] of Object.entries(BENCHES)) {
  if (name !== undefined && one !== name) continue;
  const rows = await bench(rest);
  measured.push(...rows);
  const known = new Map([...(parts[one] ?? []), ...rows].map((row) => [row.what, row]));
  parts[one] = [...known.values()];
}
console.log(tableOf(measured));
mkdirSync(FOLDER, { recursive: true });
const about = { at: new Date().toISOString(), cpu: cpus()[0]?.model, cores: cpus().length };
writeFileSync(file, JSON.stringify({ ...about, parts }, null, 2));
if (words.includes('--write')) {
  const all = Object.keys(BENCHES).flatMap((one) => parts[one] ?? []);
  const text = readFileSync(PAGE, 'utf8');
  const [from, to] = [text.indexOf(MARKS[0]) + MARKS[0].length, text.indexOf(MARKS[1])];
  writeFileSync(PAGE, `${text.slice(0, from)}\n${tableOf(all)}\n${text.slice(to)}`);
}
console.error(`written to ${fileURLToPath(file)}`);
process.exit(0);
