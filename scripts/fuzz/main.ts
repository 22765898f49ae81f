/**
 * `npm run fuzz -- --seconds N --seed S`: sends inputs that no client would send, to the built server with a
 * call of four going on and to its modules. Ends with 1 if something was found. See docs/fuzzing.md.
 */
import { parseArgs } from 'node:util';
import { readFinding } from './findings.js';
import { type FuzzResult, fuzz } from './fuzz.js';
import { TARGETS } from './targets.js';
import { format, readTotals, sumOf, type TargetTotal, writeTotals } from './totals.js';

const { values } = parseArgs({
  options: {
    seconds: { type: 'string', default: '60' },
    seed: { type: 'string', default: String(Date.now() % 1_000_000) },
    target: { type: 'string', multiple: true, default: [] },
    replay: { type: 'string', multiple: true, default: [] },
    record: { type: 'boolean', default: false },
  },
});

function print(result: FuzzResult, seed: number): boolean {
  let found = 0;
  let all = 0;
  console.log('\ntarget                    from      inputs   per second  findings');
  for (const { name, from } of TARGETS) {
    const one = result.targets[name];
    if (!one) continue;
    all += one.inputs;
    found += one.findings.length;
    const rate = one.seconds > 0 ? Math.round(one.inputs / one.seconds) : 0;
    console.log(
      `${name.padEnd(24)} ${from.padEnd(8)} ${format(one.inputs).padStart(9)} ${format(rate).padStart(11)} ${String(one.findings.length).padStart(9)}`,
    );
  }
  for (const what of result.disturbances) console.log(`not because of inputs: ${what}`);
  console.log(`\nseed ${seed}: ${format(all)} inputs, ${found} findings`);
  return found === 0;
}

/** Adds a run to the file of totals. A target with a finding begins again at 0. */
function record(result: FuzzResult): void {
  const before = readTotals();
  const totals = TARGETS.map(({ name, from }): [string, TargetTotal] => {
    const { inputs = 0, findings = [] } = result.targets[name] ?? {};
    const kept = before[name]?.inputs ?? 0;
    return [name, { from, inputs: findings.length > 0 ? 0 : kept + inputs }];
  });
  writeTotals(Object.fromEntries(totals));
}

const replays = values.replay.map(readFinding);
const wanted = replays.length > 0 ? replays.map(({ target }) => target) : values.target;
const unknown = wanted.find((name) => !TARGETS.some((target) => target.name === name));
if (unknown !== undefined) {
  console.error(`no target ${unknown}; there are ${TARGETS.map(({ name }) => name).join(', ')}`);
  process.exit(2);
}
const seed = Number(values.seed);
console.log(`seed ${seed}`);
const result = await fuzz({
  targets: TARGETS.filter(({ name }) => wanted.length === 0 || wanted.includes(name)),
  seconds: Number(values.seconds),
  seed,
  replays,
  onProgress: (line) => console.log(line),
});
if (values.record) record(result);
const isClean = print(result, seed);
console.log(`without a finding in all recorded runs: ${format(sumOf(readTotals()))}`);
process.exit(isClean ? 0 : 1);
