/**
 * Stage: the composite. Tiles are drawn straight into one canvas that lives as long as the room;
 * joining, leaving and layout changes only touch rectangles. Nothing is drawn that did not change.
 */
import type { MixSettings, SourceId } from '../link/link-messages.js';
import type { Bitmap } from './ffmpeg/bitmap.js';
import { convertColours } from './ffmpeg/colour-conversion.js';
import { Picture, type Rect } from './ffmpeg/picture.js';
import { Scaler } from './ffmpeg/scaler.js';
import { cropToFill, evenDown, fitInside } from './grid-layout.js';
import type { Placement } from './layout-planner.js';
import { drawPlaceholder } from './placeholder.js';
import { drawLabel, type LabelContent } from './tile-label.js';

/** Background and letterbox colour, BT.601 limited range: a dark grey. */
const BACKGROUND = [24, 128, 128] as const;

/** Green, of whoever speaks. */
const SPEAKING = [150, 84, 74] as const;
/** Shares of a tile's height. */
const BORDER_SHARE = 0.012;
const MAX_BORDER = 6;
const MARGIN_SHARE = 0.015;

/** What a tile shows at a tick. */
export interface TileContent {
  readonly id: SourceId;
  readonly label: LabelContent;
  /** Has a border. */
  readonly speaking: boolean;
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
  private label: { readonly key: string; readonly bitmap: Bitmap } | undefined;

  constructor(public rect: Rect) {}

  /** Drawn when it changes, not when the picture does. */
  labelOf(content: LabelContent): Bitmap {
    const { name, muted, trouble } = content;
    const key = `${this.rect.width}x${this.rect.height} ${muted} ${trouble} ${name}`;
    if (this.label?.key !== key) this.label = { key, bitmap: drawLabel(content, this.rect) };
    return this.label.bitmap;
  }
}

/** Differs whenever what the tile shows does. */
function stateOf({ picture, generation, label, speaking }: TileContent): string {
  const { name, muted, trouble } = label;
  return `${picture ? generation : 'none'} ${muted} ${trouble} ${speaking} ${name}`;
}

function overlap(a: Rect, b: Rect): boolean {
  return a.x < b.x + b.width && b.x < a.x + a.width && a.y < b.y + b.height && b.y < a.y + a.height;
}

/** Every draw is waited for even if one fails: none may be under way when the canvas is read. */
async function settle(work: readonly Promise<void>[]): Promise<void> {
  const results = await Promise.allSettled(work);
  for (const result of results) if (result.status === 'rejected') throw result.reason;
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

  /**
   * Draws what changed.
   * @param placements of tiles, from the back to the front; contents without one are not shown.
   * @returns whether any pixel may have changed.
   */
  async draw(contents: readonly TileContent[], placements: readonly Placement[]): Promise<boolean> {
    this.arrange(placements);
    let changed = this.dirty;
    if (this.dirty) {
      const { width, height } = this.settings;
      this.canvas.fill({ x: 0, y: 0, width, height }, BACKGROUND);
      this.dirty = false;
    }
    const byId = new Map(contents.map((content) => [content.id, content]));
    const drawn: Rect[] = [];
    let work: Promise<void>[] = [];
    for (const [id, tile] of this.tiles) {
      const content = byId.get(id);
      if (!content) continue;
      const wanted = stateOf(content);
      // What lies over something that is drawn anew has to be drawn after it.
      const below = drawn.some((rect) => overlap(rect, tile.rect));
      if (tile.drawn === wanted && !below) continue;
      if (below) {
        await settle(work);
        work = [];
      }
      tile.drawn = wanted;
      changed = true;
      drawn.push(tile.rect);
      work.push(this.drawTile(tile, content));
    }
    await settle(work);
    return changed;
  }

  dispose(): void {
    for (const tile of this.tiles.values()) tile.scaler[Symbol.dispose]();
    this.tiles.clear();
    this.canvas[Symbol.dispose]();
  }

  private arrange(placements: readonly Placement[]): void {
    const key = placements
      .map(({ source, rect: { x, y, width, height } }) => `${source}@${x},${y},${width},${height}`)
      .join(' ');
    if (key === this.layoutKey) return;
    this.layoutKey = key;
    this.layoutGeneration++;
    this.dirty = true;
    const before = new Map(this.tiles);
    this.tiles.clear();
    // In the order of drawing.
    for (const { source, rect } of placements) {
      const tile = before.get(source) ?? new Tile(rect);
      before.delete(source);
      tile.rect = rect;
      tile.drawn = '';
      this.tiles.set(source, tile);
    }
    for (const tile of before.values()) tile.scaler[Symbol.dispose]();
  }

  private async drawTile(tile: Tile, content: TileContent): Promise<void> {
    if (content.picture) await this.drawPicture(tile, content.picture);
    else await this.drawPlaceholder(tile, content.label.name);
    if (!this.settings.labels) return;
    const { x, y, width, height } = tile.rect;
    if (content.speaking) this.drawBorder(tile.rect);
    const label = tile.labelOf(content.label);
    const margin = evenDown(height * MARGIN_SHARE) + 2;
    if (label.width + 2 * margin > width || label.height + 2 * margin > height) return;
    label.blendInto(this.canvas, x + margin, y + height - label.height - margin);
  }

  private drawBorder({ x, y, width, height }: Rect): void {
    const thick = Math.min(MAX_BORDER, Math.max(2, evenDown(height * BORDER_SHARE)));
    const sides = [
      { x, y, width, height: thick },
      { x, y: y + height - thick, width, height: thick },
      { x, y, width: thick, height },
      { x: x + width - thick, y, width: thick, height },
    ];
    for (const side of sides) this.canvas.fill(side, SPEAKING);
  }

  private async drawPicture(tile: Tile, picture: Picture): Promise<void> {
    if (this.settings.fit === 'letterbox') {
      const size = `${picture.width}x${picture.height}`;
      if (tile.pictureSize !== size) this.canvas.fill(tile.rect, BACKGROUND);
      tile.pictureSize = size;
      const whole = { x: 0, y: 0, width: picture.width & ~1, height: picture.height & ~1 };
      const inside = fitInside(picture, tile.rect);
      await tile.scaler.scale(picture, whole, this.canvas, inside);
      convertColours(this.canvas, inside, picture.colourSpace);
      return;
    }
    await tile.scaler.scale(picture, cropToFill(picture, tile.rect), this.canvas, tile.rect);
    convertColours(this.canvas, tile.rect, picture.colourSpace);
  }

  private async drawPlaceholder(tile: Tile, name: string): Promise<void> {
    tile.pictureSize = '';
    const bitmap = drawPlaceholder(name, tile.rect.width, tile.rect.height, !this.settings.labels);
    await tile.scaler.drawRgba(bitmap, this.canvas, tile.rect);
  }
}
