/**
 * Measures the CPU that rooms use. From it follows whether one more participant may join, and by how
 * many load steps all rooms must reduce their composites.
 */
import { performance } from 'node:perf_hooks';
import { TesseraError } from '../errors.js';
import { LOAD_STEPS } from '../link/load-steps.js';
import { cpuLimit } from '../util/cpu-limit.js';
import type { FrameSize } from '../util/frame-size.js';
import { LoadController } from '../util/load-controller.js';
import type { StageHistograms } from '../util/stage-times.js';
import type { Micros } from '../util/units.js';

/** After this time the measurement contains a newcomer; until then an estimate is added for them. */
const MEASURED_AFTER: Micros = 4_000_000;
const SMOOTHING = 0.3;
const RETRY_SECONDS = 10;
/** Costs in cores before anything was measured. */
const FIRST_GUESS = { room: 0.2, sender: 0.06, viewer: 0.01 };
/** A room whose composite is reduced by this number of steps takes nobody more. */
const STEPS_TO_LIMIT = 3;
/** Of the video that a sender is taken to send. */
const USUAL_PIXELS = 1280 * 720;

/** A room, as far as admission reads it. */
export interface MeasuredRoom {
  /** CPU time of the media process since it began; undefined while there is none. */
  readonly cpuMicros: number | undefined;
  readonly stages: StageHistograms;
  readonly size: number;
  /** Participants who have a tile. */
  readonly numVisible: number;
  /** Load steps that the composite is reduced by, and how many there are. */
  readonly loadLevel: number;
  readonly numLoadSteps: number;
  /** The composite takes more time than a tick has. */
  readonly overloaded: boolean;
}

export interface AdmissionOptions {
  readonly loadControl: boolean;
  /** Share of the CPU up to which participants may join; 1 refuses nobody. */
  readonly admissionShare: number;
}

/** Counters and gauges of the server as a whole; cores in thousandths. */
export interface AdmissionStats {
  readonly joins_refused_cpu: number;
  readonly joins_refused_room: number;
  /** Because memory or file descriptors are short. */
  readonly joins_refused_resources: number;
  readonly load_steps_down: number;
  readonly load_steps_up: number;
  readonly load_level: number;
  readonly load_percent: number;
  readonly cores_used_milli: number;
  readonly cores_limit_milli: number;
  readonly cores_per_room_milli: number;
  readonly cores_per_sender_milli: number;
  readonly cores_per_viewer_milli: number;
}

/** Why nobody more may join, besides the CPU; undefined if they may. */
export type Refusal = () => TesseraError | undefined;

interface Costs {
  room: number;
  sender: number;
  viewer: number;
}

interface RoomSample {
  readonly cpu: number;
  /** Time spent in encodes, and in all stages. */
  readonly encode: Micros;
  readonly all: Micros;
}

function sampleOf({ cpuMicros = 0, stages }: MeasuredRoom): RoomSample {
  const sum = (...names: (keyof StageHistograms)[]) =>
    names.reduce((total, name) => total + (stages[name]?.sumMicros ?? 0), 0);
  const encode = sum('encode');
  return { cpu: cpuMicros, encode, all: encode + sum('decode', 'compose', 'mix') };
}

export class Admission {
  private readonly counters = {
    joins_refused_cpu: 0,
    joins_refused_room: 0,
    joins_refused_resources: 0,
  };
  private readonly controller = new LoadController(LOAD_STEPS.length);
  private readonly limit = cpuLimit();
  private readonly costs: Costs = { ...FIRST_GUESS };
  private readonly samples = new Map<MeasuredRoom, RoomSample>();
  private readonly expected: { readonly at: Micros; readonly cores: number }[] = [];
  private ownCores = 0;
  private egressCpu: Micros = 0;
  private utilization = performance.eventLoopUtilization();
  private cpu = process.cpuUsage();
  private sampledAt: Micros | undefined;

  /** @param refusal of other resources than the CPU. */
  constructor(
    private readonly options: AdmissionOptions,
    private readonly refusal: Refusal = () => undefined,
  ) {}

  /** Load steps that every room must take at least. */
  get floor(): number {
    return this.options.loadControl ? this.controller.level : 0;
  }

  /** Whether a new room would be refused. */
  get isFull(): boolean {
    if (this.refusal()) return true;
    const { admissionShare } = this.options;
    const cores = this.ownCores + this.costs.room + this.costs.sender;
    return admissionShare < 1 && cores > admissionShare * this.limit;
  }

  get stats(): AdmissionStats {
    const milli = (cores: number) => Math.round(cores * 1000);
    return {
      ...this.counters,
      ...this.controller.counters,
      load_level: this.floor,
      load_percent: Math.round(this.controller.load * 100),
      cores_used_milli: milli(this.ownCores),
      cores_limit_milli: milli(this.limit),
      cores_per_room_milli: milli(this.costs.room),
      cores_per_sender_milli: milli(this.costs.sender),
      cores_per_viewer_milli: milli(this.costs.viewer),
    };
  }

  /**
   * Called about once a second.
   * @param egressCpu CPU time of recordings and live outputs since the server began.
   */
  sample(rooms: readonly MeasuredRoom[], now: Micros, egressCpu: Micros = 0): void {
    const since = (now - (this.sampledAt ?? now)) / 1_000_000;
    this.sampledAt = now;
    const utilization = performance.eventLoopUtilization();
    const busy = performance.eventLoopUtilization(utilization, this.utilization).utilization;
    this.utilization = utilization;
    const { user, system } = process.cpuUsage(this.cpu);
    this.cpu = process.cpuUsage();
    const egress = (egressCpu - this.egressCpu) / 1e6 / since;
    this.egressCpu = egressCpu;
    const before = new Map(this.samples);
    this.samples.clear();
    for (const room of rooms) this.samples.set(room, sampleOf(room));
    if (since === 0) return;
    const server = (user + system) / 1e6 / since;
    let [media, encode, tiles, people] = [0, 0, 0, 0];
    for (const [room, sample] of this.samples) {
      const last = before.get(room);
      people += room.size;
      tiles += room.numVisible;
      // A new process counts from zero.
      if (!last || sample.cpu < last.cpu || sample.all <= last.all) continue;
      const cores = (sample.cpu - last.cpu) / 1e6 / since;
      media += cores;
      encode += (cores * (sample.encode - last.encode)) / (sample.all - last.all);
    }
    this.ownCores += SMOOTHING * (server + media + egress - this.ownCores);
    if (media > 0 && people > 0) {
      this.learn('viewer', server / people);
      this.learn('room', encode / rooms.length);
      if (tiles > 0) this.learn('sender', (media - encode) / tiles + server / people);
    }
    this.controller.update(Math.max(busy, this.ownCores / this.limit), now);
  }

  /**
   * Reserves CPU for one more participant.
   * @param room undefined for a new room.
   * @throws TesseraError `server_busy`, `resources_low`.
   */
  admit(room: MeasuredRoom | undefined, kind: 'sender' | 'viewer', now: Micros): void {
    this.checkResources();
    if (this.options.admissionShare >= 1) return;
    const atLimit =
      room &&
      room.numLoadSteps > 0 &&
      room.loadLevel >= Math.min(STEPS_TO_LIMIT, room.numLoadSteps);
    if (room && (atLimit || room.overloaded)) {
      this.counters.joins_refused_room++;
      throw serverBusy('the room has as many people as this server can show in time');
    }
    const cores = room ? this.costs[kind] : this.costs.room;
    if (this.isOver(cores, now)) {
      this.counters.joins_refused_cpu++;
      throw serverBusy('the server has no CPU left for one more');
    }
    this.expected.push({ at: now, cores });
  }

  /**
   * Reserves CPU to decode large video of somebody who is in a room.
   * @returns false if there is none.
   */
  admitVideo({ width, height }: FrameSize, now: Micros): boolean {
    if (this.options.admissionShare >= 1) return true;
    // A usual camera is part of what a sender costs.
    const cores = this.costs.sender * Math.max(0, (width * height) / USUAL_PIXELS - 1);
    if (this.isOver(cores, now)) return false;
    this.expected.push({ at: now, cores });
    return true;
  }

  /** Whether this many cores more are more than joining may fill. */
  private isOver(cores: number, now: Micros): boolean {
    while (this.expected[0] && now - this.expected[0].at > MEASURED_AFTER) this.expected.shift();
    const expected = this.expected.reduce((sum, one) => sum + one.cores, 0);
    return this.ownCores + expected + cores > this.options.admissionShare * this.limit;
  }

  /** @throws TesseraError `resources_low`. */
  checkResources(): void {
    const refusal = this.refusal();
    if (!refusal) return;
    this.counters.joins_refused_resources++;
    throw refusal;
  }

  private learn(kind: keyof Costs, cores: number): void {
    this.costs[kind] += SMOOTHING * (cores - this.costs[kind]);
  }
}

function serverBusy(message: string): TesseraError {
  return new TesseraError('server_busy', message, {
    next: `Try again in ${RETRY_SECONDS} seconds; more cores, or load.admission, let more people in.`,
    retryAfterSeconds: RETRY_SECONDS,
  });
}
