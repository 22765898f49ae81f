/**
 * Looks every few seconds how much is left of file descriptors, memory and disks. What is short is logged
 * when it begins and when it ends, and refuses what is new and needs it; what is there goes on.
 */
import { tmpdir } from 'node:os';
import type { TesseraError } from '../errors.js';
import type { Logger } from '../logger.js';
import {
  descriptors,
  diskSpace,
  droppedDatagrams,
  type Measurement,
  maxReceiveBuffer,
  memory,
} from './measurements.js';
import { isLow, RESOURCES, type ResourceLimits, type ResourceName, shortage } from './resources.js';

const SAMPLE_MS = 2000;
/** Time between two log lines about dropped datagrams. */
const TELL_MS = 60_000;
/** What media sockets ask for; the system gives twice of what is allowed, at most. */
export const WANTED_RECEIVE_BUFFER = 1 << 20;

export interface ResourceMonitorOptions extends ResourceLimits {
  readonly dataDir: string;
}

export interface MeasuredResource extends Measurement {
  readonly resource: ResourceName;
  readonly isLow: boolean;
}

export interface ResourceSnapshot {
  /** Without those that cannot be read here. */
  readonly measured: readonly MeasuredResource[];
  /** Datagrams that the system dropped since it started, because receive buffers were full. */
  readonly udpDropped: number;
}

type Read = () => Promise<Measurement | undefined> | Measurement | undefined;

export class ResourceMonitor {
  private readonly states = new Map<ResourceName, MeasuredResource>();
  private readonly readers: readonly (readonly [ResourceName, Read])[];
  private readonly unreadable = new Set<ResourceName>();
  private dropped = droppedDatagrams();
  /** As many were in the last log line. */
  private toldDropped = this.dropped;
  private nextTellAt = 0;
  private timer: NodeJS.Timeout | undefined;
  private looking: Promise<void> | undefined;

  /** @param readers how much there is; the machine's by default. */
  constructor(
    private readonly options: ResourceMonitorOptions,
    private readonly logger: Logger,
    readers: Partial<Record<ResourceName, Read>> = {},
  ) {
    const all: Record<ResourceName, Read> = {
      descriptors: () => descriptors(),
      memory: () => memory(),
      data_disk: () => diskSpace(options.dataDir),
      temporary_disk: () => diskSpace(tmpdir()),
      ...readers,
    };
    this.readers = Object.entries(all) as [ResourceName, Read][];
  }

  /** Looks for the first time, and then every two seconds. */
  async start(): Promise<void> {
    const receiveBuffer = maxReceiveBuffer();
    if (receiveBuffer !== undefined && receiveBuffer < WANTED_RECEIVE_BUFFER) {
      this.logger.warn(
        { rmemMax: receiveBuffer, wanted: WANTED_RECEIVE_BUFFER },
        'UDP receive buffers are small: bursts of packets get lost. Set net.core.rmem_max to 1048576 or more',
      );
    }
    await this.look();
    this.timer = setInterval(() => void this.look(), SAMPLE_MS);
  }

  /** Why nobody more may join and no room may begin; undefined if they may. */
  get refusal(): TesseraError | undefined {
    return this.shortageOf('descriptors') ?? this.shortageOf('memory');
  }

  /** Why nothing new may be kept in `data.dir`; undefined if it may. */
  get diskRefusal(): TesseraError | undefined {
    return this.shortageOf('data_disk');
  }

  snapshot(): ResourceSnapshot {
    return { measured: [...this.states.values()], udpDropped: this.dropped };
  }

  /** Looks now; meanwhile others who ask get the same. */
  look(): Promise<void> {
    this.looking ??= this.readAll().finally(() => {
      this.looking = undefined;
    });
    return this.looking;
  }

  /** Idempotent. */
  async close(): Promise<void> {
    clearInterval(this.timer);
    await this.looking;
  }

  private async readAll(): Promise<void> {
    for (const [resource, read] of this.readers) {
      try {
        const measured = await read();
        if (measured) this.note(resource, measured);
      } catch (error) {
        // Said once: it will not get better in two seconds.
        if (this.unreadable.has(resource)) continue;
        this.unreadable.add(resource);
        this.logger.error({ error, resource }, 'a resource cannot be measured');
      }
    }
    this.noteDropped(droppedDatagrams(), performance.now());
  }

  private noteDropped(dropped: number, nowMs: number): void {
    this.dropped = dropped;
    if (dropped <= this.toldDropped || nowMs < this.nextTellAt) return;
    this.logger.warn(
      { dropped: dropped - this.toldDropped, total: dropped },
      'the system dropped datagrams because a UDP receive buffer was full',
    );
    this.toldDropped = dropped;
    this.nextTellAt = nowMs + TELL_MS;
  }

  private note(resource: ResourceName, measured: Measurement): void {
    const wasLow = this.states.get(resource)?.isLow ?? false;
    const low = isLow(resource, measured, this.options, wasLow);
    this.states.set(resource, { ...measured, resource, isLow: low });
    if (low === wasLow) return;
    const { text, next } = RESOURCES[resource].describe(measured);
    if (low) this.logger.warn({ resource, ...measured, next }, `a resource is short: ${text}`);
    else this.logger.info({ resource, ...measured }, `a resource is enough again: ${text}`);
  }

  private shortageOf(resource: ResourceName): TesseraError | undefined {
    const state = this.states.get(resource);
    return state?.isLow ? shortage(resource, state) : undefined;
  }
}
