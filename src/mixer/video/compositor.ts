/**
 * Stage: the composite. Tiles are drawn straight into one picture that lives as long as its canvas;
 * joining, leaving and layout changes only change rectangles. Only what changed is drawn.
 */

import { Picture } from '../../codecs/ffmpeg/picture.js';
import type { MixSettings, SourceId } from '../../link/link-messages.js';
import type { TileFit } from '../../protocol/layout.js';
import { overlap, type Rect, rectMeet, rectWithout } from '../../protocol/tile-geometry.js';
import { type Faults, ROOM } from '../faults.js';
import type { Placement } from '../layout/layout.js';
import type { BackdropContent } from '../tiles/backdrop.js';
import { BACKGROUND, colourToYuv } from '../tiles/colour.js';
import type { Overlay } from '../tiles/overlay.js';
import { Tile } from '../tiles/tile.js';
import type { TileContent } from '../tiles/tile-content.js';

export class Compositor {
  private readonly canvas: Picture;
  private readonly tiles = new Map<SourceId, Tile>();
  private placements: readonly Placement[] = [];
  private backdrop: BackdropContent = BACKGROUND;
  private overlays: readonly Overlay[] = [];
  /** Everything has to be drawn again. */
  private dirty = true;

  constructor(
    private readonly settings: MixSettings,
    private readonly faults: Faults,
  ) {
    this.canvas = Picture.allocate(settings.width, settings.height);
  }

  /** The canvas; do not write to it, and do not read it while `draw` is under way. */
  get picture(): Picture {
    return this.canvas;
  }

  /** Contents that their tiles do not show. */
  stale(contents: readonly TileContent[]): TileContent[] {
    return contents.filter((content) => !this.tiles.get(content.id)?.shows(content));
  }

  /** How a source's picture filled its tile when it was last drawn. */
  fitOf(source: SourceId): TileFit | undefined {
    return this.tiles.get(source)?.fit;
  }

  /** @param backdrop owned by the caller; has to stay valid until another is set. */
  setBackdrop(backdrop: BackdropContent): void {
    if (this.backdrop === backdrop) return;
    this.backdrop = backdrop;
    this.dirty = true;
  }

  /** From the back to the front; compared by identity. */
  setOverlays(overlays: readonly Overlay[]): void {
    if (this.overlays === overlays) return;
    this.overlays = overlays;
    this.dirty = true;
  }

  /**
   * Draws what changed.
   * @param placements of tiles, from the back to the front, compared by identity; contents without
   *   a placement are not shown.
   * @param late sources whose tiles may keep what they show until a later tick.
   * @returns whether any pixel may have changed.
   */
  async draw(
    contents: readonly TileContent[],
    placements: readonly Placement[],
    late: ReadonlySet<SourceId> = new Set(),
  ): Promise<boolean> {
    try {
      return await this.drawChanges(contents, placements, late);
    } catch (error) {
      this.dirty = true;
      throw error;
    }
  }

  private async drawChanges(
    contents: readonly TileContent[],
    placements: readonly Placement[],
    late: ReadonlySet<SourceId>,
  ): Promise<boolean> {
    this.arrange(placements);
    const byId = new Map(contents.map((content) => [content.id, content]));
    const wasDirty = this.dirty;
    this.dirty = false;
    if (wasDirty) {
      this.drawBackdrop();
      for (const tile of this.tiles.values()) tile.forget();
    }
    const drawn: Rect[] = [];
    let work: Promise<void>[] = [];
    for (const [id, tile] of this.tiles) {
      const content = byId.get(id);
      if (!content) continue;
      // A tile that lies over one that is drawn has to be drawn after it.
      const isOver = drawn.some((rect) => overlap(rect, tile.rect));
      const stays = tile.shows(content) || (late.has(id) && tile.isDrawn);
      if (stays && !isOver) continue;
      if (isOver) {
        await Promise.all(work);
        work = [];
      }
      drawn.push(tile.rect);
      work.push(this.drawTile(tile, content, isOver || wasDirty));
    }
    await Promise.all(work);
    this.drawOverlays(wasDirty ? [this.whole] : drawn);
    return wasDirty || drawn.length > 0;
  }

  private get whole(): Rect {
    return { x: 0, y: 0, width: this.canvas.width, height: this.canvas.height };
  }

  dispose(): void {
    for (const tile of this.tiles.values()) tile[Symbol.dispose]();
    this.tiles.clear();
    this.canvas[Symbol.dispose]();
  }

  private arrange(placements: readonly Placement[]): void {
    if (placements === this.placements) return;
    this.placements = placements;
    this.dirty = true;
    const before = new Map(this.tiles);
    this.tiles.clear();
    // The map is in the order of drawing.
    for (const placement of placements) {
      const tile = before.get(placement.source) ?? new Tile(this.settings, this.faults);
      before.delete(placement.source);
      tile.place(placement);
      this.tiles.set(placement.source, tile);
    }
    for (const tile of before.values()) tile[Symbol.dispose]();
  }

  private drawBackdrop(): void {
    const { canvas, backdrop, whole } = this;
    if (typeof backdrop === 'string') canvas.fill(whole, colourToYuv(backdrop));
    else canvas.copyFrom(backdrop);
  }

  /** A tile that cannot be drawn at all is left empty; the others are drawn. */
  private async drawTile(tile: Tile, content: TileContent, isFresh: boolean): Promise<void> {
    try {
      await tile.draw(this.canvas, content, isFresh);
    } catch (error) {
      this.faults.caught(content.id, 'tile_draw', error);
      this.canvas.fill(tile.rect, colourToYuv(BACKGROUND));
    }
  }

  /** Blends the overlays over every pixel that was drawn, once. */
  private drawOverlays(drawn: readonly Rect[]): void {
    for (const { bitmap, x, y } of this.overlays) {
      const whole = { x, y, width: bitmap.width, height: bitmap.height };
      let fresh: Rect[] = [];
      for (const rect of drawn) {
        if (!overlap(rect, whole)) continue;
        fresh = [...fresh.flatMap((part) => rectWithout(part, rect)), rectMeet(rect, whole)];
      }
      this.faults.guard(ROOM, 'overlay', () => {
        for (const part of fresh) bitmap.blendInto(this.canvas, x, y, part);
      });
    }
  }
}
