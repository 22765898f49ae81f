/**
 * Stage: the mixes at a low bitrate, for slow links. Packets are 60 ms long: their headers cost a
 * third of those of 20 ms packets. Does nothing while nobody listens. Callers may rely on: there is
 * a packet for every listener, either with their mix (without their own audio), or with source 0
 * the one for all listeners who are not in the mix.
 */

import { FRAME_SAMPLES, OpusEncoder } from '../../codecs/opus/opus.js';
import type { SourceId } from '../../link/link-messages.js';
import type { Faults } from '../faults.js';
import { Limiter } from './limiter.js';

/** Ticks of the mix in one packet. */
export const LOW_RATE_TICKS = 3;
const COMPLEXITY = 8;

export interface LowRateOptions {
  readonly channels: 1 | 2;
  readonly bitrateBps: number;
}

interface LowRateEncoder {
  readonly encoder: OpusEncoder;
  readonly limiter: Limiter;
  /** It encoded the last packet. */
  isCurrent: boolean;
}

export interface LowRatePacket {
  readonly source: SourceId;
  readonly data: Uint8Array;
}

export class LowRateMix {
  private readonly listeners = new Set<SourceId>();
  private readonly encoders = new Map<SourceId, LowRateEncoder>();
  private readonly opening = new Set<SourceId>();
  /** Since the last packet: the full mix (0), and the mixes of those who were in it. */
  private readonly collected = new Map<SourceId, Float32Array>();
  /** The full mix of the last packet. */
  private readonly previous: Float32Array;
  private readonly scratch: Float32Array;
  private ticks = 0;
  private closed = false;

  constructor(
    private readonly options: LowRateOptions,
    private readonly faults: Faults,
  ) {
    this.previous = this.empty();
    this.scratch = this.empty();
    this.collected.set(0, this.empty());
  }

  get isUsed(): boolean {
    return this.listeners.size > 0;
  }

  /** Whether the next tick begins a packet. */
  get begins(): boolean {
    return this.isUsed && this.ticks === 0 && this.opening.size === 0;
  }

  /**
   * @param listeners participants who get their mixes here; 0 for those who are never in the mix.
   */
  setListeners(listeners: readonly SourceId[]): void {
    if (!this.isUsed) this.ticks = 0;
    this.listeners.clear();
    for (const listener of listeners) this.listeners.add(listener);
    for (const [id, { encoder }] of this.encoders) {
      if (this.listeners.size > 0 && (id === 0 || this.listeners.has(id))) continue;
      encoder[Symbol.dispose]();
      this.encoders.delete(id);
    }
    if (!this.isUsed) return;
    for (const id of new Set([0, ...listeners])) {
      if (!this.encoders.has(id) && !this.opening.has(id)) {
        this.open(id).catch((error: unknown) => this.broke(id, error));
      }
    }
  }

  /**
   * Takes a tick.
   * @param sum 20 ms of the full mix.
   * @param without gives the mix without a participant's audio; undefined if they are not in the
   *   mix.
   * @returns packets, on every {@link LOW_RATE_TICKS}th tick.
   */
  add(
    sum: Float32Array,
    without: (listener: SourceId) => Float32Array | undefined,
  ): LowRatePacket[] {
    if (!this.isUsed) return [];
    const at = this.ticks * sum.length;
    const full = this.collected.get(0) as Float32Array;
    for (const id of this.listeners) {
      const own = id === 0 ? undefined : without(id);
      let buffer = this.collected.get(id);
      if (own && !buffer) {
        // They were not in the mix until now.
        buffer = this.empty();
        buffer.set(full.subarray(0, at));
        this.collected.set(id, buffer);
      }
      if (id !== 0) buffer?.set(own ?? sum, at);
    }
    full.set(sum, at);
    this.ticks = (this.ticks + 1) % LOW_RATE_TICKS;
    if (this.ticks > 0) return [];
    // With an encoder missing, its listener would get the full mix and hear themselves.
    const isReady = [...this.collected.keys()].every((id) => this.encoders.has(id));
    const packets = isReady ? this.encodeAll() : [];
    for (const id of [...this.collected.keys()]) if (id !== 0) this.collected.delete(id);
    this.previous.set(full);
    return packets;
  }

  close(): void {
    this.closed = true;
    this.setListeners([]);
  }

  private encodeAll(): LowRatePacket[] {
    const packets: LowRatePacket[] = [];
    for (const [id, mix] of this.encoders) {
      const pcm = this.collected.get(id);
      const data = pcm && this.encode(id, mix, pcm);
      if (data) packets.push({ source: id, data });
      mix.isCurrent = pcm !== undefined;
    }
    return packets;
  }

  /** Opus frames overlap: an encoder that takes over first encodes what its listener heard last. */
  private encode(
    id: SourceId,
    { encoder, limiter, isCurrent }: LowRateEncoder,
    pcm: Float32Array,
  ): Uint8Array | undefined {
    try {
      if (!isCurrent) this.limited(limiter, this.previous, (heard) => encoder.encode(heard, false));
      return this.limited(limiter, pcm, (heard) => encoder.encode(heard, !isCurrent));
    } catch (error) {
      this.broke(id, error);
      return undefined;
    }
  }

  /** This mix alone starts again, with another encoder. */
  private broke(id: SourceId, error: unknown): void {
    this.faults.caught(id, 'audio_encode', error);
    this.encoders.get(id)?.encoder[Symbol.dispose]();
    this.encoders.delete(id);
    this.opening.delete(id);
  }

  private limited<T>(limiter: Limiter, pcm: Float32Array, use: (pcm: Float32Array) => T): T {
    this.scratch.set(pcm);
    const tick = FRAME_SAMPLES * this.options.channels;
    for (let at = 0; at < pcm.length; at += tick) {
      limiter.process(this.scratch.subarray(at, at + tick));
    }
    return use(this.scratch);
  }

  private async open(id: SourceId): Promise<void> {
    this.opening.add(id);
    const encoder = await OpusEncoder.open({
      ...this.options,
      complexity: COMPLEXITY,
      frameSamples: FRAME_SAMPLES * LOW_RATE_TICKS,
    });
    this.opening.delete(id);
    const wanted = !this.closed && (id === 0 ? this.isUsed : this.listeners.has(id));
    if (!wanted || this.encoders.has(id)) encoder[Symbol.dispose]();
    else this.encoders.set(id, { encoder, limiter: new Limiter(), isCurrent: false });
  }

  private empty(): Float32Array {
    return new Float32Array(FRAME_SAMPLES * this.options.channels * LOW_RATE_TICKS);
  }
}
