/** Resources that run out: what is read of the system, when each is short, and what is said and refused. */
import { expect, test } from 'vitest';
import type { Logger } from '../../../src/logger.js';
import {
  descriptors,
  diskSpace,
  droppedDatagrams,
  type Measurement,
  maxReceiveBuffer,
  memory,
} from '../../../src/resources/measurements.js';
import { ResourceMonitor } from '../../../src/resources/resource-monitor.js';
import { isLow, type ResourceName } from '../../../src/resources/resources.js';
import { LogLimit } from '../../../src/util/log-limit.js';

type Files = Readonly<Record<string, string>>;
const from = (files: Files) => (path: string) => files[path];
const LIMITS = { memoryShare: 0.9, minFreeBytes: 1000 };
const GROUP = '/sys/fs/cgroup';
const MACHINE = { '/proc/meminfo': 'MemTotal: 1000 kB\nMemFree: 1 kB\nMemAvailable:  600 kB' };

test('memory is that of the control group that is nearest to its limit, or of the machine', () => {
  expect(memory(from({}))).toBeUndefined();
  expect(memory(from(MACHINE))).toEqual({ used: 400 * 1024, limit: 1000 * 1024 });
  const inner: Files = {
    '/proc/self/cgroup': '0::/system.slice/tessera.service',
    [`${GROUP}/system.slice/tessera.service/memory.max`]: 'max',
    [`${GROUP}/system.slice/memory.max`]: '100000',
    [`${GROUP}/system.slice/memory.current`]: '95000',
    [`${GROUP}/system.slice/memory.stat`]: 'anon 80000\nfile 15000\ninactive_file 5000',
  };
  // What can be dropped does not count.
  expect(memory(from({ ...MACHINE, ...inner }))).toEqual({ used: 90_000, limit: 100_000 });
  const first: Files = {
    '/proc/self/cgroup': '4:memory:/docker/f00',
    [`${GROUP}/memory/memory.limit_in_bytes`]: '9223372036854771712',
    [`${GROUP}/memory/memory.usage_in_bytes`]: '1',
    [`${GROUP}/memory/docker/f00/memory.limit_in_bytes`]: '2000',
    [`${GROUP}/memory/docker/f00/memory.usage_in_bytes`]: '1500',
    [`${GROUP}/memory/docker/f00/memory.stat`]: 'inactive_file 1\ntotal_inactive_file 100',
  };
  expect(memory(from({ ...MACHINE, ...first }))).toEqual({ used: 1400, limit: 2000 });
});

test('descriptors, UDP buffers and disks are read from the system', async () => {
  const limits = 'Limit    Soft Limit  Hard Limit  Units\nMax open files   1024   4096   files';
  const found = await descriptors(from({ '/proc/self/limits': limits }));
  expect(found?.limit).toBe(1024);
  expect(found?.used).toBeGreaterThan(3);
  expect(await descriptors(from({}))).toBeUndefined();
  expect(maxReceiveBuffer(from({ '/proc/sys/net/core/rmem_max': '212992' }))).toBe(212_992);
  expect(maxReceiveBuffer(from({}))).toBeUndefined();
  const snmp = 'Udp: InDatagrams NoPorts RcvbufErrors\nUdp: 10 2 7';
  const both = { '/proc/net/snmp': snmp, '/proc/net/snmp6': 'Udp6RcvbufErrors    \t5' };
  expect(droppedDatagrams(from(both))).toBe(12);
  expect(droppedDatagrams(from({}))).toBe(0);
  const disk = await diskSpace(`${import.meta.dirname}/not/there/yet`);
  expect(disk.limit).toBeGreaterThan(disk.used);
});

test('each resource is short below its reserve, and enough again a little above it', () => {
  const low = (resource: ResourceName, used: number, limit: number, wasLow = false) =>
    isLow(resource, { used, limit }, LIMITS, wasLow);
  expect(low('memory', 890, 1000)).toBe(false);
  expect(low('memory', 901, 1000)).toBe(true);
  expect(low('memory', 880, 1000, true)).toBe(true);
  expect(low('memory', 870, 1000, true)).toBe(false);
  expect(isLow('memory', { used: 999, limit: 1000 }, { ...LIMITS, memoryShare: 1 })).toBe(false);
  expect(low('descriptors', 950, 1024)).toBe(true);
  expect(low('descriptors', 900, 1024)).toBe(false);
  // A large limit keeps a thousand free, not a tenth.
  expect(low('descriptors', 990_000, 1_000_000)).toBe(false);
  expect(low('descriptors', 999_100, 1_000_000)).toBe(true);
  expect(low('data_disk', 9_000, 9_999)).toBe(true);
  expect(low('data_disk', 9_000, 10_000)).toBe(false);
  expect(low('temporary_disk', 0, 1 << 20)).toBe(true);
});

interface Line {
  readonly level: string;
  readonly fields: Readonly<Record<string, unknown>>;
  readonly text: string;
}

/** A logger that keeps its lines. */
function keepingLogger(): { readonly lines: Line[]; readonly logger: Logger } {
  const lines: Line[] = [];
  const write = (level: string) => (fields: Line['fields'], text: string) =>
    lines.push({ level, fields, text });
  const logger = { warn: write('warn'), info: write('info'), error: write('error') };
  return { lines, logger: logger as unknown as Logger };
}

test('what is short is said once, refuses what is new, and is said when it is over', async () => {
  const free: Record<ResourceName, Measurement> = {
    descriptors: { used: 10, limit: 1000 },
    memory: { used: 10, limit: 1000 },
    data_disk: { used: 10, limit: 10_000 },
    temporary_disk: { used: 10, limit: 1e9 },
  };
  const now = { ...free };
  const { lines, logger } = keepingLogger();
  const readers = Object.fromEntries(
    (Object.keys(free) as ResourceName[]).map((name) => [name, () => now[name]]),
  );
  const monitor = new ResourceMonitor({ ...LIMITS, dataDir: '/' }, logger, readers);
  const about = () => lines.filter(({ fields }) => 'resource' in fields).splice(0);
  await monitor.look();
  expect([about(), monitor.refusal, monitor.diskRefusal]).toEqual([[], undefined, undefined]);
  for (const [name, used, code] of [
    ['descriptors', 960, 'resources_low'],
    ['memory', 960, 'resources_low'],
    ['data_disk', 9500, 'disk_low'],
  ] as const) {
    lines.length = 0;
    now[name] = { ...free[name], used };
    for (let i = 0; i < 3; i++) await monitor.look();
    const refusal = name === 'data_disk' ? monitor.diskRefusal : monitor.refusal;
    expect(refusal).toMatchObject({ code, next: expect.any(String) });
    expect(about()).toMatchObject([{ level: 'warn', fields: { resource: name, used } }]);
    const { measured } = monitor.snapshot();
    expect(measured.filter((one) => one.isLow).map(({ resource }) => resource)).toEqual([name]);
    lines.length = 0;
    now[name] = free[name];
    for (let i = 0; i < 3; i++) await monitor.look();
    expect([monitor.refusal, monitor.diskRefusal]).toEqual([undefined, undefined]);
    expect(about()).toMatchObject([{ level: 'info', fields: { resource: name } }]);
  }
});

test('a resource that cannot be read is said once, and the others are read', async () => {
  const { lines, logger } = keepingLogger();
  const monitor = new ResourceMonitor({ ...LIMITS, dataDir: '/' }, logger, {
    descriptors: () => Promise.reject(new Error('no /proc')),
    memory: () => ({ used: 999, limit: 1000 }),
  });
  for (let i = 0; i < 3; i++) await monitor.look();
  const errors = lines.filter(({ level }) => level === 'error');
  expect(errors).toMatchObject([{ fields: { resource: 'descriptors' } }]);
  expect(monitor.refusal?.code).toBe('resources_low');
});

test('of many log lines one in a period is written, and says how many it stands for', () => {
  const limit = new LogLimit(1000);
  const due = [0, 1, 500, 999, 1000, 1001, 5000].map((at) => limit.due(at));
  expect(due).toEqual([1, undefined, undefined, undefined, 4, undefined, 2]);
});
