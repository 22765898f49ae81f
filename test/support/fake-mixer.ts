/** A mixer's inputs in unit tests: a clock that the test moves, settings, and sources. */

import type { FaultStage } from '../../src/link/fault-stages.js';
import type { MixSettings, SourceId, SourceState } from '../../src/link/link-messages.js';
import { Faults } from '../../src/mixer/faults.js';
import type { MixerTicker, MixerTime } from '../../src/mixer/mixer-time.js';
import type { Micros } from '../../src/util/units.js';

/** For what must work: an error that a boundary catches fails the test. */
export function noFaults(): Faults {
  const caught = (_source: SourceId, stage: FaultStage) => {
    throw new Error(`caught an error in ${stage}`);
  };
  return new Faults({ caught, fault: () => {}, recovered: () => {} }, () => 0);
}

class FakeTicker implements MixerTicker {
  skipped = 0;
  /** When the next tick is due; undefined while stopped. */
  due: Micros | undefined;

  constructor(
    private readonly time: FakeTime,
    private interval: number,
    private readonly tick: (due: Micros) => void | Promise<void>,
    private readonly failed: (error: unknown) => void,
  ) {}

  start(): void {
    this.due = this.time.now();
  }

  async stop(): Promise<void> {
    this.due = undefined;
  }

  setInterval(interval: number): void {
    if (this.due !== undefined) this.due += interval - this.interval;
    this.interval = interval;
  }

  async run(): Promise<void> {
    const due = this.due as Micros;
    this.due = due + this.interval;
    try {
      await this.tick(due);
    } catch (error) {
      this.failed(error);
    }
  }
}

/** Time stands still but for {@link advance}. */
export class FakeTime implements MixerTime {
  private at: Micros = 1_000_000_000;
  private readonly tickers: FakeTicker[] = [];

  now(): Micros {
    return this.at;
  }

  ticker(
    interval: number,
    _maxBehind: number,
    tick: (due: Micros) => void | Promise<void>,
    failed: (error: unknown) => void,
  ): MixerTicker {
    const ticker = new FakeTicker(this, interval, tick, failed);
    this.tickers.push(ticker);
    return ticker;
  }

  /** Runs all ticks that are due within `micros`, in their order. */
  async advance(micros: Micros): Promise<void> {
    const end = this.at + micros;
    for (;;) {
      const next = this.tickers
        .filter(({ due }) => due !== undefined && due < end)
        .sort((a, b) => (a.due as Micros) - (b.due as Micros))[0];
      if (!next) break;
      this.at = Math.max(this.at, next.due as Micros);
      await next.run();
    }
    this.at = end;
  }
}

export function mixSettings(overrides: Partial<MixSettings> = {}): MixSettings {
  const size = { width: 640, height: 360 };
  return {
    ...size,
    frameRate: 30,
    renditions: [{ ...size, frameRate: 30, bitrateBps: 500_000 }],
    hardware: undefined,
    audioChannels: 1,
    audioBitrateBps: 48_000,
    lowAudioBitrateBps: 16_000,
    fit: 'crop',
    labels: true,
    maxSpeakers: 8,
    levelling: false,
    noiseGate: false,
    stereoPlacement: false,
    pixelRates: { source: 140e6, room: 600e6 },
    loadControl: true,
    ...overrides,
  };
}

export function sourceState(id: SourceId, overrides: Partial<SourceState> = {}): SourceState {
  return {
    id,
    owner: id,
    kind: 'camera',
    identity: `p${id}`,
    name: `Person ${id}`,
    visible: true,
    videoOn: true,
    audioOn: true,
    trouble: false,
    gain: 1,
    ...overrides,
  };
}
