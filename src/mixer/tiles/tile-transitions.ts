/**
 * Moves tiles from one layout to the next over 200 ms, slowly at both ends. Pure: takes the time,
 * reads no clock.
 */
import type { SourceId } from '../../link/link-messages.js';
import { type Rect, rectBetween, TRANSITION } from '../../protocol/tile-geometry.js';
import type { Micros } from '../../util/units.js';
import type { Placement } from '../layout/layout.js';

/** After this time without a composite nobody saw where tiles were: they jump instead of moving. */
const FORGOTTEN: Micros = 500_000;

function keyOf(placements: readonly Placement[]): string {
  return placements
    .map(({ source, rect: { x, y, width, height }, z, role, style }) => {
      const look = style ? JSON.stringify(style) : '';
      return `${source}@${x},${y},${width},${height},${z},${role}${look}`;
    })
    .join(' ');
}

export class TileTransitions {
  /** Grows whenever tiles get new targets. */
  generation = 0;
  private key = '';
  private targets: readonly Placement[] = [];
  private from: ReadonlyMap<SourceId, Rect> = new Map();
  private startedAt: Micros = Number.NEGATIVE_INFINITY;
  private lastAt: Micros = Number.NEGATIVE_INFINITY;

  /** @returns where tiles are now, from the back to the front, on their way to `targets`. */
  update(targets: readonly Placement[], now: Micros): readonly Placement[] {
    const key = keyOf(targets);
    if (key !== this.key) {
      const seen = now - this.lastAt < FORGOTTEN ? this.current(now) : [];
      this.from = new Map(seen.map(({ source, rect }) => [source, rect]));
      this.startedAt = now;
      this.targets = targets;
      this.key = key;
      this.generation++;
    }
    this.lastAt = now;
    return this.current(now);
  }

  private current(now: Micros): readonly Placement[] {
    const elapsed = now - this.startedAt;
    if (elapsed >= TRANSITION || this.from.size === 0) return this.targets;
    // A new tile lies below: it appears as the others make room for it.
    const isNew = ({ source }: Placement) => (this.from.has(source) ? 1 : 0);
    return this.targets
      .map((target) => {
        const from = this.from.get(target.source);
        if (!from) return target;
        return { ...target, rect: rectBetween(from, target.rect, elapsed), target: target.rect };
      })
      .sort((a, b) => a.z - b.z || isNew(a) - isNew(b));
  }
}
