/** Findings of the fuzzer in modules: none may come again. Those over the network are in `pipeline/fuzz`. */
import { expect, test } from 'vitest';
import { keptFindings, readFinding } from '../../../scripts/fuzz/findings.js';
import { fuzz } from '../../../scripts/fuzz/fuzz.js';
import { TARGETS } from '../../../scripts/fuzz/targets.js';

const modules = TARGETS.filter(({ from }) => from === 'module');
const findings = keptFindings().map(readFinding);

test('every finding is one of a target', () => {
  const names = TARGETS.map(({ name }) => name);
  for (const { target } of findings) expect(names).toContain(target);
});

test('findings in modules do not come again', async () => {
  const replays = findings.filter(({ target }) => modules.some(({ name }) => name === target));
  const { targets } = await fuzz({ targets: modules, seconds: 0, seed: 0, replays });
  for (const [name, { findings: found }] of Object.entries(targets))
    expect(found, name).toEqual([]);
});
