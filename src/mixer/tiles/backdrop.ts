/** What lies behind the tiles of a custom layout: a colour, or an image that fills the canvas. */
import { createCanvas } from '@napi-rs/canvas';
import { Picture } from '../../codecs/ffmpeg/picture.js';
import { Scaler } from '../../codecs/ffmpeg/scaler.js';
import type { CustomLayout } from '../../protocol/layout.js';
import { BACKGROUND } from './colour.js';
import { cropToFill } from './picture-fit.js';
import type { RoomImages } from './room-images.js';

/** A colour (`#rrggbb`), or a picture of the canvas' size. */
export type BackdropContent = string | Picture;

export class Backdrop {
  private picture: Picture | undefined;
  private key = '';

  constructor(
    private readonly canvas: { readonly width: number; readonly height: number },
    private readonly images: RoomImages,
  ) {}

  /** @returns the backdrop, owned by this object and valid until the next call. */
  async of(layout: CustomLayout | undefined): Promise<BackdropContent> {
    const found = this.images.get(layout?.image === undefined ? undefined : `room/${layout.image}`);
    const colour = layout?.background ?? BACKGROUND;
    if (!found) return colour;
    const key = `${found.key} ${colour}`;
    if (key === this.key && this.picture) return this.picture;
    const { width, height } = this.canvas;
    const drawing = createCanvas(width, height);
    const context = drawing.getContext('2d');
    context.fillStyle = colour;
    context.fillRect(0, 0, width, height);
    const { x, y, width: w, height: h } = cropToFill(found.image, this.canvas);
    context.drawImage(found.image, x, y, w, h, 0, 0, width, height);
    const picture = Picture.allocate(width, height);
    using scaler = new Scaler();
    const whole = { x: 0, y: 0, width, height };
    await scaler.drawRgba(Buffer.from(drawing.data()), whole, picture, whole);
    this.picture?.[Symbol.dispose]();
    this.picture = picture;
    this.key = key;
    return picture;
  }

  dispose(): void {
    this.picture?.[Symbol.dispose]();
    this.picture = undefined;
  }
}
