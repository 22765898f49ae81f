import { AV_PIX_FMT_YUV420P, Frame } from 'node-av';
import type { Rect } from '../../protocol/tile-geometry.js';
import { BT601, type ColourSpace } from '../../rtp/colour-space.js';
import type { Rotation } from '../../rtp/rotation.js';

/** Up to this number of bytes, a loop is faster than a call. */
const NARROW = 16;

/**
 * One decoded or composed picture in native memory. It has one owner, who must dispose of it.
 * `share()` gives a second owner a reference to the same pixels.
 */
export class Picture implements Disposable {
  /** Colour space of the samples; set by the decoding stage. */
  colourSpace: ColourSpace = BT601;
  /** How to turn the picture before it is shown; set by the decoding stage. */
  rotation: Rotation = 0;
  /** Number of the frame that it was decoded from; set by the decoder. */
  number = 0;
  private knownPlanes: Buffer[] | undefined;
  private knownStrides: number[] | undefined;
  private disposed = false;

  readonly width: number;
  readonly height: number;

  private constructor(
    /** The FFmpeg frame; only for files in this folder. */
    readonly frame: Frame,
    /** Counted here, because a reference of FFmpeg's costs more than drawing a label. */
    private readonly owners: { count: number },
  ) {
    this.width = frame.width;
    this.height = frame.height;
  }

  /** Wraps a frame, which the picture owns from now on. */
  static own(frame: Frame): Picture {
    return new Picture(frame, { count: 1 });
  }

  /** A new 4:2:0 picture. Its pixels are undefined. @throws Error if there is no memory for it. */
  static allocate(width: number, height: number): Picture {
    const frame = new Frame();
    frame.alloc();
    frame.width = width;
    frame.height = height;
    frame.format = AV_PIX_FMT_YUV420P;
    const result = frame.getBuffer(32);
    if (result < 0) throw new Error(`no memory for a picture of ${width}x${height} (${result})`);
    return new Picture(frame, { count: 1 });
  }

  /** Y, U and V planes as views of native memory, valid until this picture is disposed of. */
  get planes(): Buffer[] {
    // Kept, because asking FFmpeg each time costs more than drawing a label.
    const data = this.knownPlanes ?? this.frame.data;
    if (!data || this.disposed) throw new Error('the picture was disposed of');
    this.knownPlanes = data;
    return data;
  }

  /** Whether its planes were viewed before: then a view costs nothing. */
  get hasViews(): boolean {
    return this.knownPlanes !== undefined;
  }

  /** Bytes from row to row, per plane. */
  get strides(): number[] {
    this.knownStrides ??= this.frame.linesize;
    return this.knownStrides;
  }

  /** A second owner of the same pixels. */
  share(): Picture {
    if (this.disposed) throw new Error('the picture was disposed of');
    const shared = new Picture(this.frame, this.owners);
    this.owners.count++;
    shared.colourSpace = this.colourSpace;
    shared.rotation = this.rotation;
    shared.knownPlanes = this.knownPlanes;
    shared.knownStrides = this.knownStrides;
    return shared;
  }

  /** Copies the pixels of a 4:2:0 picture of the same size. */
  copyFrom(other: Picture): void {
    this.copyPart(other, 0, 0, { x: 0, y: 0, width: this.width, height: this.height });
  }

  /** Copies the part of a 4:2:0 picture that starts at x and y into a rectangle; all are even. */
  copyPart(other: Picture, x: number, y: number, rect: Rect): void {
    const [into, from] = [this.planes, other.planes];
    for (let plane = 0; plane < 3; plane++) {
      const shift = plane === 0 ? 0 : 1;
      const [to, source] = [into[plane] as Buffer, from[plane] as Buffer];
      const stride = this.strides[plane] as number;
      const sourceStride = other.strides[plane] as number;
      const width = rect.width >> shift;
      for (let row = 0; row < rect.height >> shift; row++) {
        const at = ((y >> shift) + row) * sourceStride + (x >> shift);
        source.copy(to, ((rect.y >> shift) + row) * stride + (rect.x >> shift), at, at + width);
      }
    }
  }

  /** Fills a rectangle (even coordinates) of a 4:2:0 picture with one colour. */
  fill(rect: Rect, yuv: readonly [number, number, number]): void {
    const planes = this.planes;
    const strides = this.strides;
    for (let plane = 0; plane < 3; plane++) {
      const shift = plane === 0 ? 0 : 1;
      const data = planes[plane] as Buffer;
      const stride = strides[plane] as number;
      const left = rect.x >> shift;
      const right = left + (rect.width >> shift);
      const bottom = (rect.y + rect.height) >> shift;
      const value = yuv[plane] as number;
      for (let y = rect.y >> shift; y < bottom; y++) {
        const end = y * stride + right;
        // For the side of a border, a call for each row would cost more than the row.
        if (right - left > NARROW) data.fill(value, y * stride + left, end);
        else for (let at = y * stride + left; at < end; at++) data[at] = value;
      }
    }
  }

  [Symbol.dispose](): void {
    if (this.disposed) return;
    this.disposed = true;
    this.knownPlanes = undefined;
    if (--this.owners.count === 0) this.frame.free();
  }
}
