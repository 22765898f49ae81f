/**
 * The room's load: how much of a tick's time its picture takes, and what is done about it. The server
 * may ask for more steps than the room itself would take, when it is the server that has too much.
 */
import type { MixSettings } from '../../link/link-messages.js';
import {
  bentFrameRate,
  LISTENER_INTERVAL,
  type LoadStep,
  loadSteps,
} from '../../link/load-steps.js';
import { LoadController } from '../../util/load-controller.js';
import type { Micros } from '../../util/units.js';

/** Share of a tick that drawing may take, at `late_tiles`. */
const DRAWING_SHARE = 0.4;
const COST_SMOOTHING = 0.1;

export class TickLoad {
  private readonly steps: readonly LoadStep[];
  private readonly controller: LoadController;
  private taken: readonly LoadStep[] = [];
  private floor = 0;
  /** Of drawing a tile; 0 before the first. */
  private tileMicros = 0;

  constructor(
    private readonly settings: MixSettings,
    private readonly onChanged: (steps: readonly LoadStep[]) => void,
  ) {
    this.steps = settings.loadControl ? loadSteps(settings) : [];
    this.controller = new LoadController(this.steps.length);
  }

  /** Ticks a second. */
  get frameRate(): number {
    return bentFrameRate(this.settings.frameRate, this.taken);
  }

  /** Least time between two pictures of somebody who does not speak; 0 is none. */
  get listenerInterval(): Micros {
    return this.taken.includes('listeners_5') ? LISTENER_INTERVAL : 0;
  }

  /** How many tiles there is time for in a tick. */
  get maxTiles(): number {
    if (!this.taken.includes('late_tiles') || this.tileMicros === 0)
      return Number.POSITIVE_INFINITY;
    return Math.max(1, Math.floor((DRAWING_SHARE * this.budget) / this.tileMicros));
  }

  get counters(): Readonly<Record<string, number>> {
    const { counters, load, overloaded } = this.controller;
    return {
      ...counters,
      load_level: this.taken.length,
      load_percent: Math.round(load * 100),
      load_overloaded: overloaded ? 1 : 0,
    };
  }

  /** Steps that the server asks for at least. */
  setFloor(floor: number): void {
    this.floor = floor;
    this.follow();
  }

  drew(tiles: number, micros: Micros): void {
    if (tiles === 0) return;
    const smoothing = this.tileMicros === 0 ? 1 : COST_SMOOTHING;
    this.tileMicros += smoothing * (micros / tiles - this.tileMicros);
  }

  /**
   * A tick is over.
   * @param micros from the moment that it was due.
   * @param backlog share of their queues that frames for the decoders fill, where it is most.
   */
  ticked(micros: Micros, backlog: number, now: Micros): void {
    this.controller.update(Math.max(micros / this.budget, backlog), now);
    this.follow();
  }

  private get budget(): Micros {
    return 1_000_000 / this.frameRate;
  }

  private follow(): void {
    const level = Math.min(this.steps.length, Math.max(this.floor, this.controller.level));
    if (level === this.taken.length) return;
    this.taken = this.steps.slice(0, level);
    this.onChanged(this.taken);
  }
}
