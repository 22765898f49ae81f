/**
 * One tile of the canvas: a picture or a placeholder, with rounded corners, borders and a label.
 */

import type { Bitmap } from '../../codecs/ffmpeg/bitmap.js';
import type { Picture } from '../../codecs/ffmpeg/picture.js';
import { RoundedCorners } from '../../codecs/ffmpeg/rounded-corners.js';
import type { MixSettings, SourceId } from '../../link/link-messages.js';
import type { TileFit } from '../../protocol/layout.js';
import { evenDown, type Rect } from '../../protocol/tile-geometry.js';
import type { Faults } from '../faults.js';
import type { Placement, TileStyle } from '../layout/layout.js';
import { Cached } from './cached.js';
import { BACKGROUND, colourToYuv } from './colour.js';
import { drawPlaceholder, type PlaceholderLook } from './placeholder.js';
import { TileBorder } from './tile-border.js';
import { isSameContent, type TileContent } from './tile-content.js';
import { drawLabel, isSameLabel, type LabelContent } from './tile-label.js';
import { type PictureLook, TilePicture } from './tile-picture.js';

/** Border of a speaker. */
const SPEAKING = '#46d943';
/** Shares of a tile's height. */
const BORDER_SHARE = 0.012;
const MAX_BORDER = 6;
const MARGIN_SHARE = 0.015;
/** Share of a corner's radius that the label keeps away from it. */
const CORNER_SHARE = 0.3;

/** A label that was drawn, and what for. */
interface DrawnLabel {
  readonly of: LabelContent;
  readonly width: number;
  readonly height: number;
  /** Undefined if it could not be drawn. */
  readonly bitmap: Bitmap | undefined;
}

export class Tile implements Disposable {
  /** How the picture filled the tile when it was last drawn. */
  fit: TileFit = 'crop';
  private current: Rect = { x: 0, y: 0, width: 0, height: 0 };
  /** Where a moving tile will end; label, borders and placeholder are made for its size. */
  private target = this.current;
  private style: TileStyle | undefined;
  private look: PictureLook;
  /** What was last drawn (its picture may be freed); undefined when it has to be drawn again. */
  private drawn: TileContent | undefined;
  private corners: RoundedCorners | undefined;
  private readonly picture = new TilePicture();
  private label: DrawnLabel | undefined;
  /** Undefined if it could not be drawn. */
  private readonly placeholder = new Cached<Buffer | undefined>();
  private readonly speakingBorder = new Cached<TileBorder>();
  private readonly ownBorder = new Cached<TileBorder>();

  constructor(
    private readonly settings: MixSettings,
    private readonly faults: Faults,
  ) {
    this.look = this.lookOf(undefined);
  }

  /** Where the tile is. */
  get rect(): Rect {
    return this.current;
  }

  place({ rect, target = rect, style }: Placement): void {
    this.current = rect;
    this.target = target;
    this.style = style;
    this.look = this.lookOf(style);
    const share = (style?.radius ?? 0) * Math.min(rect.width, rect.height);
    const radius = evenDown(Math.min(share, rect.width / 2, rect.height / 2));
    if (radius !== this.corners?.radius) {
      this.corners = radius > 0 ? new RoundedCorners(radius) : undefined;
    }
    this.forget();
  }

  /** The canvas does not hold what was drawn any more. */
  forget(): void {
    this.drawn = undefined;
  }

  get isDrawn(): boolean {
    return this.drawn !== undefined;
  }

  /** Whether the canvas holds this content. */
  shows(content: TileContent): boolean {
    return this.drawn !== undefined && isSameContent(this.drawn, content);
  }

  /**
   * Draws the content. A picture that cannot be drawn gives way to the placeholder, a label to none.
   * @param isFresh what lies below the tile was drawn again.
   */
  async draw(canvas: Picture, content: TileContent, isFresh: boolean): Promise<void> {
    const { rect } = this;
    this.drawn = content;
    if (isFresh) this.corners?.keep(canvas, rect);
    if (!(await this.drawPicture(canvas, content))) await this.drawPlaceholder(canvas, content);
    this.corners?.restore(canvas, rect);
    this.drawBorders(canvas, content.speaking);
    if (this.settings.labels) {
      this.faults.guard(content.id, 'label', () => this.drawLabel(canvas, content));
    }
  }

  [Symbol.dispose](): void {
    this.picture[Symbol.dispose]();
  }

  private lookOf(style: TileStyle | undefined): PictureLook {
    const background = style?.background ?? BACKGROUND;
    return { fit: style?.fit, cameraFit: this.settings.fit, background };
  }

  /** @returns false if there is no picture, or it cannot be drawn. */
  private async drawPicture(
    canvas: Picture,
    { id, picture, label }: TileContent,
  ): Promise<boolean> {
    if (!picture) return false;
    const { rect, target, look } = this;
    try {
      const draw = () => this.picture.draw(canvas, picture, label.screen, rect, target, look);
      // Decoders crash, scalers hardly ever: only on probation is it worth a note.
      this.fit = await (this.faults.isProbation ? this.faults.inNative(id, draw) : draw());
      return true;
    } catch (error) {
      this.faults.caught(id, 'tile_draw', error);
      // Its scaler may be broken; the next picture makes another.
      this.picture[Symbol.dispose]();
      return false;
    }
  }

  private async drawPlaceholder(
    canvas: Picture,
    { id, label: { name }, avatar }: TileContent,
  ): Promise<void> {
    const { target, style, settings, faults } = this;
    this.fit = 'crop';
    const look: PlaceholderLook = {
      name,
      width: target.width,
      height: target.height,
      withName: !settings.labels,
      background: style?.background,
      avatar,
    };
    const key = `${target.width}x${target.height} ${style?.background} ${avatar?.key} ${name}`;
    const rgba = this.placeholder.get(key, () =>
      faults.guard(id, 'placeholder', () => drawPlaceholder(look)),
    );
    if (rgba) await this.picture.drawRgba(rgba, target, canvas, this.rect);
    else canvas.fill(this.rect, colourToYuv(style?.background ?? BACKGROUND));
  }

  private drawBorders(canvas: Picture, speaking: boolean): void {
    const { rect } = this;
    const radius = this.corners?.radius ?? 0;
    const { border } = this.style ?? {};
    if (border && border.width > 0) {
      const most = evenDown(Math.min(rect.width, rect.height) / 2);
      const thickness = Math.min(most, Math.max(2, evenDown(border.width * canvas.height)));
      const look = { thickness, colour: border.colour, radius };
      this.ownBorder.get(JSON.stringify(look), () => new TileBorder(look)).draw(canvas, rect);
    }
    if (!speaking || !this.settings.labels) return;
    const share = evenDown(this.target.height * BORDER_SHARE);
    const look = { thickness: Math.min(MAX_BORDER, Math.max(2, share)), colour: SPEAKING, radius };
    const key = `${look.thickness} ${radius}`;
    this.speakingBorder.get(key, () => new TileBorder(look)).draw(canvas, rect);
  }

  private drawLabel(canvas: Picture, { id, label: content }: TileContent): void {
    const { x, y, width, height } = this.rect;
    const { target } = this;
    const label = this.labelFor(id, content);
    if (!label) return;
    const corner = (this.corners?.radius ?? 0) * CORNER_SHARE;
    const margin = evenDown(target.height * MARGIN_SHARE + corner) + 2;
    if (label.width + 2 * margin > width || label.height + 2 * margin > height) return;
    label.blendInto(canvas, x + margin, y + height - label.height - margin);
  }

  private labelFor(id: SourceId, content: LabelContent): Bitmap | undefined {
    const { label } = this;
    const { width, height } = this.target;
    const isSameSize = label?.width === width && label.height === height;
    if (isSameSize && isSameLabel(label.of, content)) return label.bitmap;
    const bitmap = this.faults.guard(id, 'label', () => drawLabel(content, this.target));
    this.label = { of: content, width, height, bitmap };
    return bitmap;
  }
}
