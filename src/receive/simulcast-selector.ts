/**
 * Chooses which simulcast layer of a camera is decoded (RFC 8853): the smallest that covers its tile,
 * among those that arrive at the moment. The old layer goes on until a keyframe of the new one is
 * whole. A camera without simulcast is one layer. Pure; times in microseconds.
 */

import { coversTile } from '../protocol/tile-geometry.js';
import type { FrameSize } from '../util/frame-size.js';
import type { Micros, Ssrc } from '../util/units.js';

/** A layer without packets for this long has been switched off by its sender. */
const SILENT_AFTER: Micros = 1_000_000;
/** A layer must have arrived for this long before it replaces another. */
const STEADY_AFTER: Micros = 1_000_000;
/** A layer that failed is not chosen for this long, and twice as long each time that it fails again. */
const AVOIDED: Micros = 10_000_000;
const LONGEST_AVOIDED: Micros = 80_000_000;

interface Layer {
  size: FrameSize | undefined;
  lastPacketAt: Micros;
  /** Since when it has arrived without a pause. */
  steadySince: Micros;
  /** Until then others are chosen, because nothing of it could be decoded. */
  avoidedUntil: Micros;
  failures: number;
}

export interface SimulcastCounters {
  video_layer_switches: number;
}

export class SimulcastSelector {
  readonly counters: SimulcastCounters = { video_layer_switches: 0 };
  /** The layer whose frames go to the decoder. */
  current: Ssrc | undefined;
  /** The layer that takes over at its next keyframe; the current one if no change is due. */
  target: Ssrc | undefined;
  /** Pixels that the tile has; undefined while there is none. */
  wanted: FrameSize | undefined;
  private readonly layers = new Map<Ssrc, Layer>();

  packet(ssrc: Ssrc, now: Micros): void {
    const layer = this.layers.get(ssrc);
    if (!layer) {
      const arrived = { lastPacketAt: now, steadySince: now };
      this.layers.set(ssrc, { size: undefined, ...arrived, avoidedUntil: now, failures: 0 });
      return;
    }
    if (now - layer.lastPacketAt > SILENT_AFTER) layer.steadySince = now;
    layer.lastPacketAt = now;
  }

  /** Takes the size of a layer, from one of its keyframes. */
  sized(ssrc: Ssrc, size: FrameSize): void {
    const layer = this.layers.get(ssrc);
    if (layer) layer.size = size;
  }

  /** Nothing of a layer can be decoded, though it arrives: others are chosen for a while. */
  failed(ssrc: Ssrc, now: Micros): void {
    const layer = this.layers.get(ssrc);
    if (!layer || now < layer.avoidedUntil || this.layers.size < 2) return;
    layer.avoidedUntil = now + Math.min(LONGEST_AVOIDED, AVOIDED * 2 ** layer.failures);
    layer.failures++;
  }

  removed(ssrc: Ssrc): void {
    this.layers.delete(ssrc);
    if (this.current === ssrc) this.current = undefined;
    if (this.target === ssrc) this.target = undefined;
  }

  sizeOf(ssrc: Ssrc | undefined): FrameSize | undefined {
    return ssrc === undefined ? undefined : this.layers.get(ssrc)?.size;
  }

  /** Chooses the target; to be called after packets, sizes or {@link wanted} have changed. */
  choose(now: Micros): void {
    const coming = [...this.layers].filter(([, layer]) => now - layer.lastPacketAt <= SILENT_AFTER);
    // Nothing arrives at all: keep what was chosen.
    if (coming.length === 0) return;
    const current = coming.find(([ssrc]) => ssrc === this.current);
    const usable = coming.filter(
      ([ssrc, { steadySince }]) =>
        !current || ssrc === this.current || now - steadySince >= STEADY_AFTER,
    );
    const working = usable.filter(([, { avoidedUntil }]) => now >= avoidedUntil);
    const sized = (working.length > 0 ? working : usable).filter(
      ([, { size }]) => size !== undefined,
    );
    sized.sort(([, a], [, b]) => area(a.size) - area(b.size));
    const { wanted } = this;
    const best =
      sized.find(([, { size }]) => !wanted || coversTile(size as FrameSize, wanted)) ??
      sized[sized.length - 1];
    this.target = best?.[0] ?? this.target ?? usable[0]?.[0];
  }

  /** Takes a whole frame of a layer. @returns whether it goes to the decoder. */
  accepts(ssrc: Ssrc, keyframe: boolean): boolean {
    if (ssrc !== this.current && keyframe && (ssrc === this.target || this.current === undefined)) {
      if (this.current !== undefined) this.counters.video_layer_switches++;
      this.current = ssrc;
    }
    return ssrc === this.current;
  }
}

function area(size: FrameSize | undefined): number {
  return size ? size.width * size.height : 0;
}
