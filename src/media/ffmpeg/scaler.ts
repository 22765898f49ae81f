import {
  AV_PIX_FMT_RGBA,
  AV_PIX_FMT_YUV420P,
  type AVPixelFormat,
  SoftwareScaleContext,
  SWS_AREA,
  SWS_BICUBIC,
} from 'node-av';
import type { Rect } from '../../shared/tile-geometry.js';
import { isMadeInline } from './call-mode.js';
import type { Picture } from './picture.js';

/**
 * Of cameras: area, which swscale has for shrinking (enlarging is bilinear): nearer to Lanczos than
 * bilinear by 2 dB, and a third cheaper. Of text: bicubic, 8 dB nearer, at twice the price
 * (`npm run bench:scalers`).
 */
const FILTERS = { camera: SWS_AREA, screen: SWS_BICUBIC } as const;
export type ScaledContent = keyof typeof FILTERS;

/** The planes of a rectangle of a 4:2:0 picture, as sub-arrays; x and y must be even. */
function planesAt(picture: Picture, x: number, y: number): Buffer[] {
  const strides = picture.strides;
  return picture.planes.slice(0, 3).map((plane, index) => {
    const shift = index === 0 ? 0 : 1;
    return plane.subarray((y >> shift) * (strides[index] as number) + (x >> shift));
  });
}

/** Scales one source into one rectangle of a canvas; keeps its tables between calls of equal shape. */
export class Scaler implements Disposable {
  private context: SoftwareScaleContext | undefined;
  private shape = '';

  /** Scales the `crop` of `source` (even coordinates) straight into `rect` of `canvas`. */
  async scale(
    source: Picture,
    crop: Rect,
    canvas: Picture,
    rect: Rect,
    content: ScaledContent = 'camera',
  ): Promise<void> {
    const context = this.prepare(
      crop.width,
      crop.height,
      source.frame.format as AVPixelFormat,
      rect.width,
      rect.height,
      content,
    );
    // A share of our own: the source may be replaced while swscale works in another thread.
    using held = source.share();
    const call = [
      planesAt(held, crop.x, crop.y),
      held.strides.slice(0, 3),
      0,
      crop.height,
      planesAt(canvas, rect.x, rect.y),
      canvas.strides.slice(0, 3),
    ] as const;
    const result = isMadeInline(crop.width * crop.height)
      ? context.scaleSync(...call)
      : await context.scale(...call);
    if (result < 0) throw new Error(`scaling failed (${result})`);
  }

  /** Scales an RGBA bitmap into a rectangle of the canvas. */
  async drawRgba(
    bitmap: Buffer,
    { width, height }: { readonly width: number; readonly height: number },
    canvas: Picture,
    rect: Rect,
  ): Promise<void> {
    const format = AV_PIX_FMT_RGBA;
    const context = this.prepare(width, height, format, rect.width, rect.height, 'camera');
    const result = await context.scale(
      [bitmap],
      [width * 4],
      0,
      height,
      planesAt(canvas, rect.x, rect.y),
      canvas.strides.slice(0, 3),
    );
    if (result < 0) throw new Error(`drawing a bitmap failed (${result})`);
  }

  private prepare(
    srcWidth: number,
    srcHeight: number,
    format: AVPixelFormat,
    width: number,
    height: number,
    content: ScaledContent,
  ): SoftwareScaleContext {
    const shape = `${srcWidth}x${srcHeight}/${format}>${width}x${height} ${content}`;
    if (this.context && this.shape === shape) return this.context;
    this[Symbol.dispose]();
    const context = new SoftwareScaleContext();
    context.getContext(
      srcWidth,
      srcHeight,
      format,
      width,
      height,
      AV_PIX_FMT_YUV420P,
      FILTERS[content],
    );
    this.context = context;
    this.shape = shape;
    return context;
  }

  [Symbol.dispose](): void {
    this.context?.freeContext();
    this.context = undefined;
  }
}
