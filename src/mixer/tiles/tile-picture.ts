/**
 * Draws a source's picture into its tile: cropped or whole, turned upright, in the canvas' colours.
 */
import { convertColours } from '../../codecs/ffmpeg/colour-conversion.js';
import { Picture } from '../../codecs/ffmpeg/picture.js';
import { drawRotated } from '../../codecs/ffmpeg/rotation.js';
import { Scaler } from '../../codecs/ffmpeg/scaler.js';
import type { TileFit } from '../../protocol/layout.js';
import { type Rect, rectWithout, TILE_WIDTH_ALIGN } from '../../protocol/tile-geometry.js';
import { uprightSize } from '../../rtp/rotation.js';
import { colourToYuv } from './colour.js';
import { cropToFill, fitInside } from './picture-fit.js';

/** A camera that would lose more than this share of its picture is shown whole. */
const MAX_CROP = 0.6;

export interface PictureLook {
  /** How the picture must fill the tile; undefined lets the shapes decide. */
  readonly fit: TileFit | undefined;
  /** How a camera fills its tile when the shapes decide. */
  readonly cameraFit: TileFit;
  /** `#rrggbb`, beside a picture that is not cropped. */
  readonly background: string;
}

interface Size {
  readonly width: number;
  readonly height: number;
}

function chooseFit(
  picture: Size,
  isScreen: boolean,
  tile: Size,
  { fit, cameraFit }: PictureLook,
): TileFit {
  if (fit) return fit;
  if (isScreen) return 'letterbox';
  const shape = (picture.width * tile.height) / (picture.height * tile.width);
  const lost = 1 - Math.min(shape, 1 / shape);
  return lost > MAX_CROP ? 'letterbox' : cameraFit;
}

export class TilePicture implements Disposable {
  private readonly scaler = new Scaler();

  /**
   * @param isScreen a screen is not cropped, and scaled for text.
   * @param rect where the tile is now.
   * @param target where the tile will end, which decides the fit.
   * @returns how the picture fills the tile.
   */
  async draw(
    canvas: Picture,
    picture: Picture,
    isScreen: boolean,
    rect: Rect,
    target: Size,
    look: PictureLook,
  ): Promise<TileFit> {
    const upright = uprightSize(picture, picture.rotation);
    const fit = chooseFit(upright, isScreen, target, look);
    const isCropped = fit === 'crop';
    const inside = isCropped ? rect : fitInside(upright, rect);
    if (!isCropped) {
      // Each time, because the label and the border may lie over the bars.
      const background = colourToYuv(look.background);
      for (const bar of rectWithout(rect, inside)) canvas.fill(bar, background);
    }
    const whole = { x: 0, y: 0, width: picture.width & ~1, height: picture.height & ~1 };
    if (picture.rotation === 0) {
      const crop = isCropped ? cropToFill(picture, rect) : whole;
      await this.scaler.scale(picture, crop, canvas, inside, isScreen ? 'screen' : 'camera');
    } else await this.drawTurned(canvas, picture, inside, isCropped ? undefined : whole);
    convertColours(canvas, inside, picture.colourSpace);
    return fit;
  }

  /** Draws an RGBA bitmap of the size `size` into the tile. */
  async drawRgba(rgba: Buffer, size: Size, canvas: Picture, rect: Rect): Promise<void> {
    await this.scaler.drawRgba(rgba, size, canvas, rect);
  }

  [Symbol.dispose](): void {
    this.scaler[Symbol.dispose]();
  }

  /** Scales the picture as it came and then turns the result: there is less of it to turn. */
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
}
