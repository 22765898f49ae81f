/** The resources that can run out: when each is short, and what is said about it. Pure. */
import { TesseraError } from '../errors.js';
import type { Measurement } from './measurements.js';

export type ResourceName = 'descriptors' | 'memory' | 'data_disk' | 'temporary_disk';

export interface ResourceLimits {
  /** Share of the memory that may be in use before joins are refused; 1 refuses nobody. */
  readonly memoryShare: number;
  /** With less free space in `data.dir` nothing new is kept there. */
  readonly minFreeBytes: number;
}

/** Of the descriptors, this share is kept for what is there. */
const DESCRIPTOR_RESERVE = 0.1;
const [MIN_RESERVE, MAX_RESERVE] = [64, 1000];
/** Nothing of Tessera's own is there; Node and FFmpeg need a little now and then. */
const MIN_TEMPORARY_BYTES = 16 << 20;
const RETRY_SECONDS = 10;
/** A resource that was short must have this much more than enough to count as enough. */
const HYSTERESIS = 1.25;

const megabytes = (bytes: number) => `${Math.round(bytes / 1e6)} MB`;

interface Resource {
  /** What must be free. */
  reserve(measured: Measurement, limits: ResourceLimits): number;
  /** For the log, with what to do. */
  describe(measured: Measurement): { readonly text: string; readonly next: string };
}

export const RESOURCES: Readonly<Record<ResourceName, Resource>> = {
  descriptors: {
    reserve: ({ limit }) =>
      Math.min(MAX_RESERVE, Math.max(MIN_RESERVE, limit * DESCRIPTOR_RESERVE)),
    describe: ({ used, limit }) => ({
      text: `${used} of ${limit} file descriptors are in use`,
      next: 'Raise the limit of open files (`ulimit -n`, `LimitNOFILE=`).',
    }),
  },
  memory: {
    reserve: ({ limit }, { memoryShare }) => limit * (1 - memoryShare),
    describe: ({ used, limit }) => ({
      text: `${megabytes(used)} of ${megabytes(limit)} of memory are in use`,
      next: 'Give the server more memory, or raise load.memory.',
    }),
  },
  data_disk: {
    reserve: (_measured, { minFreeBytes }) => minFreeBytes,
    describe: ({ used, limit }) => ({
      text: `${megabytes(limit - used)} are free on the disk of data.dir`,
      next: 'Free some space, or lower data.minFreeSpace.',
    }),
  },
  temporary_disk: {
    reserve: () => MIN_TEMPORARY_BYTES,
    describe: ({ used, limit }) => ({
      text: `${megabytes(limit - used)} are free on the disk of temporary files`,
      next: 'Free some space there, or set TMPDIR.',
    }),
  },
};

/** @param wasLow it must then have some more to be enough again. */
export function isLow(
  resource: ResourceName,
  measured: Measurement,
  limits: ResourceLimits,
  wasLow = false,
): boolean {
  const reserve = RESOURCES[resource].reserve(measured, limits);
  if (reserve <= 0) return false;
  return measured.limit - measured.used < reserve * (wasLow ? HYSTERESIS : 1);
}

/** What is refused while it is short. */
export function shortage(resource: ResourceName, measured: Measurement): TesseraError {
  const { text, next } = RESOURCES[resource].describe(measured);
  if (resource === 'data_disk') return new TesseraError('disk_low', text, { next });
  return new TesseraError('resources_low', text, { next, retryAfterSeconds: RETRY_SECONDS });
}
