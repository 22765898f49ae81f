/**
 * The room's video load: the share of a tick's time that its work takes, and the load steps taken
 * because of it. The server may ask for more steps when the whole machine is overloaded.
 */
import type { MixSettings } from '../../link/link-messages.js';
import {
  LISTENER_INTERVAL,
  type LoadStep,
  loadSteps,
  reducedFrameRate,
} from '../../link/load-steps.js';
import { LoadController } from '../../util/load-controller.js';
import type { Micros } from '../../util/units.js';

/** Share of a tick that drawing may take, at `late_tiles`. */
const DRAWING_SHARE = 0.4;
const COST_SMOOTHING = 0.1;

export interface LoadSnapshot {
  readonly load_steps_down: number;
  readonly load_steps_up: number;
  /** Steps taken at present. */
  readonly load_level: number;
  /** Smoothed share of a tick that is used, in percent. */
  readonly load_percent: number;
  /** 1 if more than a tick is used though all steps are taken; else 0. */
  readonly load_overloaded: number;
}

export class TickLoad {
  private readonly steps: readonly LoadStep[];
  private readonly controller: LoadController;
  private taken: readonly LoadStep[] = [];
  private floor = 0;
  /** Smoothed time to draw one tile; 0 before the first. */
  private tileMicros = 0;

  /** @param onChanged called with the steps that are taken from now on. */
  constructor(
    private readonly settings: MixSettings,
    private readonly onChanged: (steps: readonly LoadStep[]) => void,
  ) {
    this.steps = settings.loadControl ? loadSteps(settings) : [];
    this.controller = new LoadController(this.steps.length);
  }

  /** Ticks a second. */
  get frameRate(): number {
    return reducedFrameRate(this.settings.frameRate, this.taken);
  }

  /** Least time between two pictures of somebody who does not speak; 0 for every tick. */
  get listenerInterval(): Micros {
    return this.taken.includes('listeners_5') ? LISTENER_INTERVAL : 0;
  }

  /** How many tiles there is time to draw in a tick. */
  get maxTiles(): number {
    if (!this.taken.includes('late_tiles') || this.tileMicros === 0)
      return Number.POSITIVE_INFINITY;
    return Math.max(1, Math.floor((DRAWING_SHARE * this.budget) / this.tileMicros));
  }

  snapshot(): LoadSnapshot {
    const { counters, load, overloaded } = this.controller;
    return {
      ...counters,
      load_level: this.taken.length,
      load_percent: Math.round(load * 100),
      load_overloaded: overloaded ? 1 : 0,
    };
  }

  /** @param floor steps that the server asks for; the room's own load may add more. */
  setFloor(floor: number): void {
    this.floor = floor;
    this.applyLoadSteps();
  }

  /** Drawing this many tiles took this long. */
  drew(tiles: number, micros: Micros): void {
    if (tiles === 0) return;
    const smoothing = this.tileMicros === 0 ? 1 : COST_SMOOTHING;
    this.tileMicros += smoothing * (micros / tiles - this.tileMicros);
  }

  /**
   * A tick is over.
   * @param micros from the time at which it was due.
   * @param backlog how full the fullest decoder queue is, 0 to 1.
   */
  ticked(micros: Micros, backlog: number, now: Micros): void {
    this.controller.update(Math.max(micros / this.budget, backlog), now);
    this.applyLoadSteps();
  }

  private get budget(): Micros {
    return 1_000_000 / this.frameRate;
  }

  private applyLoadSteps(): void {
    const level = Math.min(this.steps.length, Math.max(this.floor, this.controller.level));
    if (level === this.taken.length) return;
    this.taken = this.steps.slice(0, level);
    this.onChanged(this.taken);
  }
}
