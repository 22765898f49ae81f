/** What the doctor says about resources that can run out. */
import { tmpdir } from 'node:os';
import { expect, test } from 'vitest';
import { checkResources } from '../../../src/cli/doctor-resources.js';
import { readConfig } from '../../../src/config/load.js';

const HEALTHY: Readonly<Record<string, string>> = {
  '/proc/self/limits': 'Max open files            1048576              1048576              files',
  '/proc/meminfo': 'MemTotal: 1000000 kB\nMemAvailable: 900000 kB',
  '/proc/sys/net/core/rmem_max': '4194304',
};

async function states(files: Readonly<Record<string, string>>, environment = {}) {
  const defaults = { 'data.dir': tmpdir(), 'data.minFreeSpace': '0' };
  const { config } = readConfig({ environment, defaults });
  const findings = await checkResources(config, (path) => files[path]);
  return Object.fromEntries(findings.map(({ check, state }) => [check, state]));
}

test('a machine with enough of everything is well', async () => {
  const found = await states(HEALTHY);
  expect(Object.keys(found).sort()).toEqual(
    ['UDP buffers', 'data disk', 'data folder', 'memory', 'open files', 'temp disk'].sort(),
  );
  expect({ ...found, 'temp disk': 'ok' }).toEqual(
    Object.fromEntries(Object.keys(found).map((name) => [name, 'ok'])),
  );
});

test('each resource that is short is found', async () => {
  const limits = 'Max open files            256              4096              files';
  expect(await states({ ...HEALTHY, '/proc/self/limits': limits })).toMatchObject({
    'open files': 'warning',
  });
  const full = 'MemTotal: 1000000 kB\nMemAvailable: 50000 kB';
  expect(await states({ ...HEALTHY, '/proc/meminfo': full })).toMatchObject({ memory: 'warning' });
  const small = { ...HEALTHY, '/proc/sys/net/core/rmem_max': '212992' };
  expect(await states(small)).toMatchObject({ 'UDP buffers': 'warning' });
  const disk = { TESSERA_DATA_MIN_FREE_SPACE: '1000000' };
  expect(await states(HEALTHY, disk)).toMatchObject({ 'data disk': 'warning' });
});
