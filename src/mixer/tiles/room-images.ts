/** Decoded images of a room and its people. The server had the uploads made harmless. */
import { Image } from '@napi-rs/canvas';

export interface RoomImage {
  /** Different for each image. */
  readonly key: string;
  readonly image: Image;
}

export class RoomImages {
  /** Grows with each change. */
  generation = 0;
  private readonly images = new Map<string, RoomImage>();

  get(name: string | undefined): RoomImage | undefined {
    return name === undefined ? undefined : this.images.get(name);
  }

  /** @param data encoded image; undefined forgets the image of this name. */
  async set(name: string, data: Buffer | undefined): Promise<void> {
    if (data === undefined) this.images.delete(name);
    else {
      const image = new Image();
      image.src = data;
      await image.decode();
      this.images.set(name, { key: `${name} ${this.generation + 1}`, image });
    }
    this.generation++;
  }
}
