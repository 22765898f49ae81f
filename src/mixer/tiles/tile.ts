/** One tile of the canvas: a picture or a placeholder, with its corners, border and label. */

import type { Bitmap } from '../../codecs/ffmpeg/bitmap.js';
import { convertColours } from '../../codecs/ffmpeg/colour-conversion.js';
import { Picture } from '../../codecs/ffmpeg/picture.js';
import { drawRotated } from '../../codecs/ffmpeg/rotation.js';
import { RoundedCorners } from '../../codecs/ffmpeg/rounded-corners.js';
import { Scaler } from '../../codecs/ffmpeg/scaler.js';
import type { MixSettings, SourceId } from '../../link/link-messages.js';
import type { TileFit } from '../../protocol/layout.js';
import {
  evenDown,
  type Rect,
  rectWithout,
  TILE_WIDTH_ALIGN,
} from '../../protocol/tile-geometry.js';
import { uprightSize } from '../../rtp/rotation.js';
import type { Placement, TileStyle } from '../layout/layout.js';
import { cropToFill, fitInside } from './picture-fit.js';
import { drawPlaceholder, type PlaceholderLook } from './placeholder.js';
import { colourToYuv, TileBorder } from './tile-border.js';
import { drawLabel, type LabelContent } from './tile-label.js';

/** Of the canvas, and beside pictures that are not cut: a dark grey. */
export const BACKGROUND = '#090909';
/** Of whoever speaks. */
const SPEAKING = '#46d943';
/** Shares of a tile's height. */
const BORDER_SHARE = 0.012;
const MAX_BORDER = 6;
const MARGIN_SHARE = 0.015;
/** A camera that would lose more than this share of its picture is shown whole. */
const MAX_CROP = 0.6;

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
  /** In place of initials; compared by identity. */
  readonly avatar: PlaceholderLook['avatar'];
}

/** Compared by its parts: it is, in every frame, for every tile. */
function isSameLabel(a: LabelContent, b: LabelContent): boolean {
  return (
    a.name === b.name && a.muted === b.muted && a.trouble === b.trouble && a.screen === b.screen
  );
}

/** Keeps what was made of something until that changes. */
class Cached<T> {
  private entry: { readonly key: string; readonly value: T } | undefined;

  get(key: string, make: () => T): T {
    if (this.entry?.key !== key) this.entry = { key, value: make() };
    return this.entry.value;
  }
}

interface Size {
  readonly width: number;
  readonly height: number;
}

/** A label, and what it was drawn of and for. */
interface DrawnLabel {
  readonly of: LabelContent;
  readonly width: number;
  readonly height: number;
  readonly bitmap: Bitmap;
}

export class Tile implements Disposable {
  fit: TileFit = 'crop';
  private current: Rect = { x: 0, y: 0, width: 0, height: 0 };
  /** Where it will be; it is drawn for that. */
  private target = this.current;
  private style: TileStyle | undefined;
  /** What was drawn last, its picture long gone; undefined when it has to be drawn anew. */
  private drawn: TileContent | undefined;
  private corners: RoundedCorners | undefined;
  private readonly scaler = new Scaler();
  private label: DrawnLabel | undefined;
  private readonly placeholder = new Cached<Buffer>();
  private readonly speakingBorder = new Cached<TileBorder>();
  private readonly ownBorder = new Cached<TileBorder>();

  constructor(private readonly settings: MixSettings) {}

  get rect(): Rect {
    return this.current;
  }

  place({ rect, target = rect, style }: Placement): void {
    this.current = rect;
    this.target = target;
    this.style = style;
    const share = (style?.radius ?? 0) * Math.min(rect.width, rect.height);
    const radius = evenDown(Math.min(share, rect.width / 2, rect.height / 2));
    if (radius !== this.corners?.radius) {
      this.corners = radius > 0 ? new RoundedCorners(radius) : undefined;
    }
    this.forget();
  }

  /** What it showed is gone from the canvas. */
  forget(): void {
    this.drawn = undefined;
  }

  get isDrawn(): boolean {
    return this.drawn !== undefined;
  }

  shows(content: TileContent): boolean {
    const { drawn } = this;
    if (!drawn || drawn.speaking !== content.speaking || drawn.avatar !== content.avatar)
      return false;
    const isSamePicture = content.picture
      ? drawn.picture !== undefined && drawn.generation === content.generation
      : drawn.picture === undefined;
    return isSamePicture && isSameLabel(drawn.label, content.label);
  }

  /** @param isFresh what lies below was drawn anew. */
  async draw(canvas: Picture, content: TileContent, isFresh: boolean): Promise<void> {
    const { rect } = this;
    this.drawn = content;
    if (isFresh) this.corners?.keep(canvas, rect);
    if (content.picture) await this.drawPicture(canvas, content.picture, content.label.screen);
    else await this.drawPlaceholder(canvas, content);
    this.corners?.restore(canvas, rect);
    this.drawBorders(canvas, content.speaking);
    if (this.settings.labels) this.drawLabel(canvas, content.label);
  }

  [Symbol.dispose](): void {
    this.scaler[Symbol.dispose]();
  }

  private drawLabel(canvas: Picture, content: LabelContent): void {
    const { x, y, width, height } = this.rect;
    const { target } = this;
    const drawn = this.label;
    const isSame =
      drawn &&
      isSameLabel(drawn.of, content) &&
      drawn.width === target.width &&
      drawn.height === target.height;
    if (!isSame) {
      const { width: w, height: h } = target;
      this.label = { of: content, width: w, height: h, bitmap: drawLabel(content, target) };
    }
    const label = (this.label as DrawnLabel).bitmap;
    const corner = (this.corners?.radius ?? 0) * 0.3;
    const margin = evenDown(target.height * MARGIN_SHARE + corner) + 2;
    if (label.width + 2 * margin > width || label.height + 2 * margin > height) return;
    label.blendInto(canvas, x + margin, y + height - label.height - margin);
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

  /** Screens are never cut; neither are cameras of which too little would be left. */
  private fitOf({ width, height }: Size, isScreen: boolean): TileFit {
    const { target, style, settings } = this;
    if (style?.fit) return style.fit;
    if (isScreen) return 'letterbox';
    const shape = (width * target.height) / (height * target.width);
    const lost = 1 - Math.min(shape, 1 / shape);
    return lost > MAX_CROP ? 'letterbox' : settings.fit;
  }

  private async drawPicture(canvas: Picture, picture: Picture, isScreen: boolean): Promise<void> {
    const { rect } = this;
    const upright = uprightSize(picture, picture.rotation);
    this.fit = this.fitOf(upright, isScreen);
    const isCut = this.fit === 'crop';
    const inside = isCut ? rect : fitInside(upright, rect);
    if (!isCut) {
      // Each time, since the label and the border may lie over the bars.
      const background = colourToYuv(this.style?.background ?? BACKGROUND);
      for (const bar of rectWithout(rect, inside)) canvas.fill(bar, background);
    }
    const whole = { x: 0, y: 0, width: picture.width & ~1, height: picture.height & ~1 };
    if (picture.rotation === 0) {
      const crop = isCut ? cropToFill(picture, rect) : whole;
      const content = isScreen ? 'screen' : 'camera';
      await this.scaler.scale(picture, crop, canvas, inside, content);
    } else await this.drawTurned(canvas, picture, inside, isCut ? undefined : whole);
    convertColours(canvas, inside, picture.colourSpace);
  }

  /** Scales it as it came, then turns what is left: the least that has to be turned. */
  private async drawTurned(
    canvas: Picture,
    picture: Picture,
    inside: Rect,
    whole: Rect | undefined,
  ): Promise<void> {
    const { rotation } = picture;
    const lying = uprightSize(inside, rotation);
    const width = Math.ceil(lying.width / TILE_WIDTH_ALIGN) * TILE_WIDTH_ALIGN;
    using scratch = Picture.allocate(width, lying.height);
    const target = { x: 0, y: 0, width, height: lying.height };
    await this.scaler.scale(picture, whole ?? cropToFill(picture, lying), scratch, target);
    drawRotated(scratch, canvas, inside, rotation);
  }

  private async drawPlaceholder(
    canvas: Picture,
    { label: { name }, avatar }: TileContent,
  ): Promise<void> {
    const { target, style, settings } = this;
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
    const rgba = this.placeholder.get(key, () => drawPlaceholder(look));
    await this.scaler.drawRgba(rgba, target, canvas, this.rect);
  }
}
