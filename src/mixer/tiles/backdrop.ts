/** What lies behind the tiles of a custom layout: a colour, or an image that fills the canvas. */
import { createCanvas, type Image } from '@napi-rs/canvas';
import { Picture } from '../../codecs/ffmpeg/picture.js';
import { Scaler } from '../../codecs/ffmpeg/scaler.js';
import type { CustomLayout } from '../../protocol/layout.js';
import { type Faults, ROOM } from '../faults.js';
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
    private readonly faults: Faults,
  ) {}

  /** @returns the backdrop, owned by this object and valid until the next call. */
  async of(layout: CustomLayout | undefined): Promise<BackdropContent> {
    const found = this.images.get(layout?.image === undefined ? undefined : `room/${layout.image}`);
    const colour = layout?.background ?? BACKGROUND;
    if (!found) return colour;
    const key = `${found.key} ${colour}`;
    if (key === this.key) return this.picture ?? colour;
    this.key = key;
    this.dispose();
    try {
      this.picture = await this.draw(found.image, colour);
    } catch (error) {
      this.faults.caught(ROOM, 'image', error);
    }
    return this.picture ?? colour;
  }

  dispose(): void {
    this.picture?.[Symbol.dispose]();
    this.picture = undefined;
  }

  private async draw(image: Image, colour: string): Promise<Picture> {
    const { width, height } = this.canvas;
    const drawing = createCanvas(width, height);
    const context = drawing.getContext('2d');
    context.fillStyle = colour;
    context.fillRect(0, 0, width, height);
    const { x, y, width: w, height: h } = cropToFill(image, this.canvas);
    context.drawImage(image, x, y, w, h, 0, 0, width, height);
    const picture = Picture.allocate(width, height);
    using scaler = new Scaler();
    const whole = { x: 0, y: 0, width, height };
    await scaler.drawRgba(Buffer.from(drawing.data()), whole, picture, whole);
    return picture;
  }
}
