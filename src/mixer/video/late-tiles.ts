/**
 * Which tiles keep their picture when there is no time to draw all that changed: speakers are drawn
 * first, then the tiles that waited longest. Pure.
 */
import type { SourceId } from '../../link/link-messages.js';
import type { TileContent } from '../tiles/tile-content.js';

const NONE: ReadonlySet<SourceId> = new Set();

export class LateTiles {
  /** Ticks that tiles have waited for; those that were drawn are missing. */
  private waited: ReadonlyMap<SourceId, number> = new Map();

  /** @param stale contents that their tiles do not show. @returns those that have to wait. */
  choose(stale: readonly TileContent[], maxTiles: number): ReadonlySet<SourceId> {
    const late = stale.length > maxTiles ? this.beyond(stale, maxTiles) : NONE;
    this.waited = new Map([...late].map((id) => [id, (this.waited.get(id) ?? 0) + 1]));
    return late;
  }

  private beyond(stale: readonly TileContent[], maxTiles: number): ReadonlySet<SourceId> {
    const urgency = ({ id, speaking }: TileContent) =>
      speaking ? Number.POSITIVE_INFINITY : (this.waited.get(id) ?? 0);
    const order = [...stale].sort((a, b) => urgency(b) - urgency(a));
    return new Set(order.slice(maxTiles).map(({ id }) => id));
  }
}
