/** One direction of an impaired network path: what happens to each datagram, and when it comes out. */

import { randomFrom } from '../../src/bots/random.js';

export interface PathProfile {
  /** Share of datagrams lost at random, 0 to 1. */
  readonly loss?: number;
  /** Gilbert-Elliott: all is lost in the bad state, whose mean length is given in datagrams. */
  readonly bursts?: { readonly loss: number; readonly length: number };
  readonly delayMs?: number;
  /** Evenly spread variation of the delay either way; order is kept. */
  readonly jitterMs?: number;
  /** Standard deviation of a normally distributed variation of the delay; order is kept. */
  readonly jitterSigmaMs?: number;
  /** Share of datagrams that are overtaken by those of the next 20 to 60 ms. */
  readonly reorder?: number;
  /** Bottleneck with a drop-tail queue of `queueMs` (300 by default). */
  readonly rateKbps?: number;
  readonly queueMs?: number;
}

interface Waiting {
  readonly data: Buffer;
  readonly sentMs: number;
  readonly dueMs: number;
  readonly deliver: (data: Buffer) => void;
}

export class ImpairedPath {
  readonly counters = { forwarded: 0, lost: 0, queue_dropped: 0, bytes: 0, delayed_ms: 0 };
  /** May be changed at any time. */
  profile: PathProfile = {};
  /** Nothing passes before this moment on performance.now(). */
  blackoutUntil = 0;
  /** Nothing leaves before this moment, and nothing is lost: a stall. */
  stalledUntil = 0;
  /** Takes single datagrams as they come out of the delay, to let them pass then, later or never. */
  gate: ((data: Buffer, pass: () => void) => void) | undefined;
  private readonly random: () => number;
  private queue: Waiting[] = [];
  private lastDue = 0;
  private linkFreeAt = 0;
  private bad = false;
  private timer: NodeJS.Timeout | undefined;
  private closed = false;

  constructor(seed: number) {
    this.random = randomFrom(seed);
  }

  send(data: Buffer, deliver: (data: Buffer) => void): void {
    if (this.closed) return;
    const now = performance.now();
    if (now < this.blackoutUntil || this.loses()) {
      this.counters.lost++;
      return;
    }
    const departure = this.throughBottleneck(data.length, now);
    if (departure === undefined) {
      this.counters.queue_dropped++;
      return;
    }
    const { delayMs = 0, reorder = 0 } = this.profile;
    const overtaken = reorder > 0 && this.random() < reorder;
    let dueMs = Math.max(departure, this.stalledUntil) + Math.max(0, delayMs + this.variation());
    if (overtaken) dueMs += 20 + this.random() * 40;
    else {
      dueMs = Math.max(dueMs, this.lastDue);
      this.lastDue = dueMs;
    }
    let at = this.queue.length;
    while (at > 0 && (this.queue[at - 1] as Waiting).dueMs > dueMs) at--;
    this.queue.splice(at, 0, { data, sentMs: now, dueMs, deliver });
    if (at === 0) this.arm();
  }

  close(): void {
    this.closed = true;
    if (this.timer) clearTimeout(this.timer);
    this.queue = [];
  }

  private loses(): boolean {
    const { loss = 0, bursts } = this.profile;
    if (bursts) {
      // Mean share in the bad state is enter / (enter + leave); mean length there is 1 / leave.
      const leave = 1 / bursts.length;
      const enter = (leave * bursts.loss) / (1 - bursts.loss);
      this.bad = this.bad ? this.random() >= leave : this.random() < enter;
      if (this.bad) return true;
    }
    return loss > 0 && this.random() < loss;
  }

  private throughBottleneck(bytes: number, now: number): number | undefined {
    const { rateKbps, queueMs = 300 } = this.profile;
    if (rateKbps === undefined) return now;
    const start = Math.max(now, this.linkFreeAt);
    if (start - now > queueMs) return undefined;
    this.linkFreeAt = start + ((bytes + 28) * 8) / rateKbps;
    return this.linkFreeAt;
  }

  private variation(): number {
    const { jitterMs = 0, jitterSigmaMs = 0 } = this.profile;
    let ms = jitterMs > 0 ? (this.random() * 2 - 1) * jitterMs : 0;
    if (jitterSigmaMs > 0) {
      // Box-Muller.
      ms +=
        jitterSigmaMs *
        Math.sqrt(-2 * Math.log(1 - this.random())) *
        Math.cos(2 * Math.PI * this.random());
    }
    return ms;
  }

  private arm(): void {
    if (this.timer) clearTimeout(this.timer);
    const head = this.queue[0];
    if (!head || this.closed) return;
    this.timer = setTimeout(() => this.release(), Math.max(0, head.dueMs - performance.now()));
  }

  private release(): void {
    const now = performance.now() + 0.5;
    while (this.queue[0] && this.queue[0].dueMs <= now) {
      const { data, sentMs, deliver } = this.queue.shift() as Waiting;
      const pass = () => {
        this.counters.forwarded++;
        this.counters.bytes += data.length;
        this.counters.delayed_ms += now - sentMs;
        deliver(data);
      };
      if (this.gate) this.gate(data, pass);
      else pass();
    }
    this.arm();
  }
}
