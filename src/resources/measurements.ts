/** Reads how much of a resource is used and how much there is. Linux; elsewhere what cannot be read is left out. */
import { existsSync } from 'node:fs';
import { readdir, statfs } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import { controllerFolders, type ReadText, readText } from '../util/control-groups.js';

/** Bytes, or numbers of descriptors. */
export interface Measurement {
  readonly used: number;
  readonly limit: number;
}

/** A limit of version 1 that is none: the largest number of pages. */
const UNLIMITED = 2 ** 60;

/** File descriptors of this process; undefined if they cannot be read. */
export async function descriptors(read: ReadText = readText): Promise<Measurement | undefined> {
  const limit = Number(/^Max open files\s+(\d+)/m.exec(read('/proc/self/limits') ?? '')?.[1]);
  if (!(limit > 0)) return undefined;
  // One of them is the folder's own.
  return { used: (await readdir('/proc/self/fd')).length - 1, limit };
}

/** Of a line such as `MemTotal:  16 kB`, or `inactive_file 4096`. */
function numberIn(text: string | undefined, name: string): number {
  return Number(new RegExp(`^${name}:?\\s+(\\d+)`, 'm').exec(text ?? '')?.[1]);
}

/** What one control group uses of its limit; files that can be dropped do not count. */
function groupMemory(version: 1 | 2, path: string, read: ReadText): Measurement | undefined {
  const [max, current, dropped] =
    version === 2
      ? (['memory.max', 'memory.current', 'inactive_file'] as const)
      : (['memory.limit_in_bytes', 'memory.usage_in_bytes', 'total_inactive_file'] as const);
  const limit = Number(read(`${path}/${max}`));
  const used = Number(read(`${path}/${current}`));
  if (!(limit > 0 && limit < UNLIMITED && used > 0)) return undefined;
  const inactive = numberIn(read(`${path}/memory.stat`), dropped);
  return { used: Math.max(0, used - (Number.isFinite(inactive) ? inactive : 0)), limit };
}

/**
 * Memory of the control group that is nearest to its limit, or of the machine if that is nearer;
 * undefined if neither can be read.
 */
export function memory(read: ReadText = readText): Measurement | undefined {
  const info = read('/proc/meminfo');
  const [total, available] = [numberIn(info, 'MemTotal'), numberIn(info, 'MemAvailable')];
  const machine =
    total > 0 && available >= 0 ? [{ used: (total - available) * 1024, limit: total * 1024 }] : [];
  const groups = controllerFolders('memory', read).flatMap(
    ({ version, path }) => groupMemory(version, path, read) ?? [],
  );
  const nearness = ({ used, limit }: Measurement) => used / limit;
  return [...groups, ...machine].sort((a, b) => nearness(b) - nearness(a))[0];
}

/** The folder, or the nearest one above it that exists: folders are made on first use. */
export function existingFolder(folder: string): string {
  let place = resolve(folder);
  while (!existsSync(place)) place = dirname(place);
  return place;
}

/** Space of the disk that a folder is on, or will be on. */
export async function diskSpace(folder: string): Promise<Measurement> {
  const { blocks, bfree, bavail, bsize, files, ffree } = await statfs(existingFolder(folder));
  // A disk without free inodes is full too. Some file systems have no fixed number of them.
  const free = files > 0 && ffree === 0 ? 0 : bavail * bsize;
  const used = (blocks - bfree) * bsize;
  return { used, limit: used + free };
}

/** The largest receive buffer that a socket gets, in bytes; undefined if it cannot be read. */
export function maxReceiveBuffer(read: ReadText = readText): number | undefined {
  const bytes = Number(read('/proc/sys/net/core/rmem_max'));
  return bytes > 0 ? bytes : undefined;
}

/** Datagrams that the system dropped since it started, because receive buffers were full. */
export function droppedDatagrams(read: ReadText = readText): number {
  // Two lines: names, and numbers in the same order.
  const [names = '', numbers = ''] = (read('/proc/net/snmp') ?? '')
    .split('\n')
    .filter((line) => line.startsWith('Udp:'));
  const at = names.split(' ').indexOf('RcvbufErrors');
  const version4 = at < 0 ? 0 : Number(numbers.split(' ')[at]);
  const version6 = numberIn(read('/proc/net/snmp6'), 'Udp6RcvbufErrors');
  return version4 + (Number.isFinite(version6) ? version6 : 0);
}
