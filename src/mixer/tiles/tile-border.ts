/** A border along the inside of a tile, with square or round corners. */
import { createCanvas } from '@napi-rs/canvas';
import { Bitmap } from '../../codecs/ffmpeg/bitmap.js';
import type { Picture } from '../../codecs/ffmpeg/picture.js';
import type { Rect } from '../../protocol/tile-geometry.js';
import { colourToYuv } from './colour.js';

export interface BorderLook {
  /** Pixels; even. */
  readonly thickness: number;
  /** `#rrggbb`. */
  readonly colour: string;
  /** Radius of the outer edge's corners, in pixels; even. */
  readonly radius: number;
}

export class TileBorder {
  private readonly yuv: readonly [number, number, number];
  /** Top left, top right, bottom left, bottom right; empty if the corners are square. */
  private readonly corners: readonly Bitmap[];
  /** Side of a corner's bitmap, in pixels. */
  private readonly corner: number;

  constructor(private readonly look: BorderLook) {
    this.yuv = colourToYuv(look.colour);
    this.corner = look.radius === 0 ? 0 : Math.max(look.radius, look.thickness);
    this.corners = this.corner === 0 ? [] : this.drawCorners();
  }

  draw(picture: Picture, { x, y, width, height }: Rect): void {
    const { corner, yuv } = this;
    const { thickness } = this.look;
    const [right, bottom] = [x + width, y + height];
    const long = { width: width - 2 * corner, height: height - 2 * corner };
    picture.fill({ x: x + corner, y, width: long.width, height: thickness }, yuv);
    picture.fill(
      { x: x + corner, y: bottom - thickness, width: long.width, height: thickness },
      yuv,
    );
    picture.fill({ x, y: y + corner, width: thickness, height: long.height }, yuv);
    picture.fill(
      { x: right - thickness, y: y + corner, width: thickness, height: long.height },
      yuv,
    );
    for (const [index, bitmap] of this.corners.entries()) {
      const left = index % 2 === 0 ? x : right - corner;
      bitmap.blendInto(picture, left, index < 2 ? y : bottom - corner);
    }
  }

  private drawCorners(): Bitmap[] {
    const { corner } = this;
    const { thickness, colour, radius } = this.look;
    const canvas = createCanvas(2 * corner, 2 * corner);
    const context = canvas.getContext('2d');
    const half = thickness / 2;
    const inner = 2 * corner - thickness;
    context.strokeStyle = colour;
    context.lineWidth = thickness;
    context.beginPath();
    context.roundRect(half, half, inner, inner, Math.max(0, radius - half));
    context.stroke();
    return [0, 1, 2, 3].map((index) => {
      const [x, y] = [(index % 2) * corner, (index >> 1) * corner];
      const { data } = context.getImageData(x, y, corner, corner);
      return Bitmap.fromRgba(Buffer.from(data.buffer), corner, corner);
    });
  }
}
