/**
 * Stage: the composite. Tiles are drawn straight into one canvas that lives as long as the room;
 * joining, leaving and layout changes only touch rectangles. Nothing is drawn that did not change.
 */
import type { MixSettings, SourceId } from '../link/link-messages.js';
import type { Micros } from '../shared/units.js';
import { Picture, type Rect } from './ffmpeg/picture.js';
import { Scaler } from './ffmpeg/scaler.js';
import { cropToFill, fitInside, gridLayout } from './grid-layout.js';
import { drawPlaceholder } from './placeholder.js';

/** Background and letterbox colour, BT.601 limited range: a dark grey. */
const BACKGROUND = [24, 128, 128] as const;
const GAP = 8;

/** What a tile shows at a tick. */
export interface TileContent {
  readonly id: SourceId;
  readonly name: string;
  /** Undefined shows the placeholder. Owned by whoever gives it; valid until `draw` resolves. */
  readonly picture: Picture | undefined;
  /** Differs whenever the picture does. */
  readonly generation: number;
}

class Tile {
  readonly scaler = new Scaler();
  /** What was drawn last; empty when the rectangle has to be drawn anew. */
  drawn = '';
  pictureSize = '';

  constructor(public rect: Rect) {}
}

export class Compositor {
  private readonly canvas: Picture;
  private readonly tiles = new Map<SourceId, Tile>();
  /** Grows with each change of the tiles' rectangles. */
  layoutGeneration = 0;
  private layoutKey = '';
  private dirty = true;

  constructor(private readonly settings: MixSettings) {
    this.canvas = Picture.allocate(settings.width, settings.height);
  }

  /** The canvas; do not write to it, and do not read it while `draw` is under way. */
  get picture(): Picture {
    return this.canvas;
  }

  /** Rectangles of the tiles as drawn last, by source. */
  get rectangles(): ReadonlyMap<SourceId, Rect> {
    return new Map([...this.tiles].map(([id, tile]) => [id, tile.rect]));
  }

  /** Draws what changed. @returns whether any pixel may have changed. */
  async draw(contents: readonly TileContent[], _now: Micros): Promise<boolean> {
    this.arrange(contents);
    let changed = this.dirty;
    if (this.dirty) {
      const { width, height } = this.settings;
      this.canvas.fill({ x: 0, y: 0, width, height }, BACKGROUND);
      this.dirty = false;
    }
    const work: Promise<void>[] = [];
    for (const content of contents) {
      const tile = this.tiles.get(content.id);
      if (!tile) continue;
      const wanted = content.picture ? `picture ${content.generation}` : `name ${content.name}`;
      if (tile.drawn === wanted) continue;
      tile.drawn = wanted;
      changed = true;
      work.push(
        content.picture ? this.drawPicture(tile, content.picture) : this.drawName(tile, content),
      );
    }
    // Every draw is waited for even if one fails: none may be under way when the canvas is read.
    const results = await Promise.allSettled(work);
    for (const result of results) if (result.status === 'rejected') throw result.reason;
    return changed;
  }

  dispose(): void {
    for (const tile of this.tiles.values()) tile.scaler[Symbol.dispose]();
    this.tiles.clear();
    this.canvas[Symbol.dispose]();
  }

  private arrange(contents: readonly TileContent[]): void {
    const rects = gridLayout(contents.length, { ...this.settings, gap: GAP });
    const key = contents.map(({ id }) => id).join();
    if (key === this.layoutKey) return;
    this.layoutKey = key;
    this.layoutGeneration++;
    this.dirty = true;
    const ids = new Set(contents.map(({ id }) => id));
    for (const [id, tile] of this.tiles) {
      if (ids.has(id)) continue;
      tile.scaler[Symbol.dispose]();
      this.tiles.delete(id);
    }
    for (const [index, { id }] of contents.entries()) {
      const rect = rects[index];
      const tile = this.tiles.get(id);
      if (!rect) {
        tile?.scaler[Symbol.dispose]();
        this.tiles.delete(id);
      } else if (tile) {
        tile.rect = rect;
        tile.drawn = '';
      } else this.tiles.set(id, new Tile(rect));
    }
  }

  private async drawPicture(tile: Tile, picture: Picture): Promise<void> {
    if (this.settings.fit === 'letterbox') {
      const size = `${picture.width}x${picture.height}`;
      if (tile.pictureSize !== size) this.canvas.fill(tile.rect, BACKGROUND);
      tile.pictureSize = size;
      const whole = { x: 0, y: 0, width: picture.width & ~1, height: picture.height & ~1 };
      await tile.scaler.scale(picture, whole, this.canvas, fitInside(picture, tile.rect));
      return;
    }
    await tile.scaler.scale(picture, cropToFill(picture, tile.rect), this.canvas, tile.rect);
  }

  private async drawName(tile: Tile, content: TileContent): Promise<void> {
    tile.pictureSize = '';
    const bitmap = drawPlaceholder(content.name, tile.rect.width, tile.rect.height);
    await tile.scaler.drawRgba(bitmap, this.canvas, tile.rect);
  }
}
