import {
  AV_PIX_FMT_RGBA,
  AV_PIX_FMT_YUV420P,
  AV_PIX_FMT_YUVJ420P,
  type AVPixelFormat,
  SoftwareScaleContext,
  SWS_AREA,
  SWS_BICUBIC,
} from 'node-av';
import { evenDown, type Rect } from '../../protocol/tile-geometry.js';
import { isMadeInline } from './call-mode.js';
import { Picture } from './picture.js';

/**
 * Cameras: swscale's area filter (bilinear when it enlarges), 2 dB nearer to Lanczos than bilinear
 * and a third cheaper. Text: bicubic, 8 dB nearer at twice the price. Measured by
 * `npm run bench:scalers`.
 */
const FILTERS = { camera: SWS_AREA, screen: SWS_BICUBIC } as const;
export type ScaledContent = keyof typeof FILTERS;

/**
 * A picture is scaled as a whole, and cropped afterwards, if that makes no more than this many
 * pixels for each one that is used. Cropping first needs views of the planes, and so a copy: see
 * {@link Scaler.viewable}.
 */
const MAX_WASTE = 1.25;

/** Formats whose planes {@link planesAt} can cut. */
const CAN_BE_CROPPED: ReadonlySet<AVPixelFormat> = new Set([
  AV_PIX_FMT_YUV420P,
  AV_PIX_FMT_YUVJ420P,
]);

const evenUp = (value: number) => 2 * Math.ceil(value / 2);

/** The planes of a 4:2:0 picture from x and y (even) on, as sub-arrays. */
function planesAt(picture: Picture, x: number, y: number): Buffer[] {
  const strides = picture.strides;
  return picture.planes.slice(0, 3).map((plane, index) => {
    const shift = index === 0 ? 0 : 1;
    return plane.subarray((y >> shift) * (strides[index] as number) + (x >> shift));
  });
}

/** Scales pictures into rectangles of a canvas. Keeps its tables between calls with equal sizes. */
export class Scaler implements Disposable {
  private context: SoftwareScaleContext | undefined;
  private shape = '';
  /** Holds pictures that are scaled as a whole. */
  private scratch: Picture | undefined;
  /** Holds copies of pictures that are cropped first. */
  private copied: Picture | undefined;

  /** Scales the `crop` of `source` (even coordinates) into `rect` of `canvas`. */
  async scale(
    source: Picture,
    crop: Rect,
    canvas: Picture,
    rect: Rect,
    content: ScaledContent = 'camera',
  ): Promise<void> {
    const format = source.frame.format as AVPixelFormat;
    const [widen, heighten] = [rect.width / crop.width, rect.height / crop.height];
    const whole = {
      width: Math.max(rect.width, evenUp(Math.floor(source.width * widen))),
      height: Math.max(rect.height, evenUp(Math.floor(source.height * heighten))),
    };
    const isCheap = whole.width * whole.height <= MAX_WASTE * rect.width * rect.height;
    // Only in planes of 4:2:0 with 8 bits is it known where the crop begins.
    if (isCheap || !CAN_BE_CROPPED.has(format)) {
      const x = Math.min(evenDown(crop.x * widen), whole.width - rect.width);
      const y = Math.min(evenDown(crop.y * heighten), whole.height - rect.height);
      await this.scaleWhole(source, whole, canvas, { x, y, rect }, content);
      return;
    }
    const context = this.prepare(crop.width, crop.height, format, rect.width, rect.height, content);
    // Shared, because the source may be replaced while swscale works in another thread.
    using held = source.share();
    const from = this.viewable(held);
    const call = [
      planesAt(from, crop.x, crop.y),
      from.strides.slice(0, 3),
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

  /** Scales all of `source` to `size` and copies the part at x and y into `rect`. */
  private async scaleWhole(
    source: Picture,
    size: { readonly width: number; readonly height: number },
    canvas: Picture,
    { x, y, rect }: { readonly x: number; readonly y: number; readonly rect: Rect },
    content: ScaledContent,
  ): Promise<void> {
    const { width, height } = size;
    const format = source.frame.format as AVPixelFormat;
    const context = this.prepare(source.width, source.height, format, width, height, content);
    const isCanvas = canvas.width === width && canvas.height === height && rect.x + rect.y === 0;
    const target = isCanvas ? canvas : this.scratchOf(width, height);
    // Shared, because the source may be replaced while swscale works in another thread.
    using held = source.share();
    const result = isMadeInline(held.width * held.height)
      ? context.scaleFrameSync(target.frame, held.frame)
      : await context.scaleFrame(target.frame, held.frame);
    if (result < 0) throw new Error(`scaling failed (${result})`);
    if (!isCanvas) canvas.copyPart(target, x, y, rect);
  }

  /**
   * A picture with the same pixels whose planes can be viewed for little. V8 counts a view of a picture as
   * memory of its own until it collects it: views of every picture of a room fill its heap with tens of MB,
   * or make it collect garbage many times a second. So pictures are copied into one whose views are kept.
   */
  private viewable(source: Picture): Picture {
    const { width, height } = source;
    if (source.hasViews || source.frame.format !== AV_PIX_FMT_YUV420P) return source;
    if (this.copied?.width !== width || this.copied.height !== height) {
      this.copied?.[Symbol.dispose]();
      this.copied = Picture.allocate(width, height);
    }
    const result = this.copied.frame.copy(source.frame);
    if (result < 0) throw new Error(`copying a picture failed (${result})`);
    return this.copied;
  }

  private scratchOf(width: number, height: number): Picture {
    if (this.scratch?.width !== width || this.scratch.height !== height) {
      this.scratch?.[Symbol.dispose]();
      this.scratch = Picture.allocate(width, height);
    }
    return this.scratch;
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
    this.context?.freeContext();
    // Not kept, because making the next one may throw.
    this.context = undefined;
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
    this.scratch?.[Symbol.dispose]();
    this.scratch = undefined;
    this.copied?.[Symbol.dispose]();
    this.copied = undefined;
  }
}
