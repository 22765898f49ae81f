/**
 * Rounds the corners of a tile: keeps the pixels below them before the tile is drawn, and restores
 * those outside of the arcs afterwards.
 */
import type { Rect } from '../../protocol/tile-geometry.js';
import type { Picture } from './picture.js';

/** Points per side of a pixel that are tested, for smooth arcs. */
const SAMPLES = 4;

/** Share of each pixel of the top left corner's square that is outside of the arc, 0 to 256. */
function outside(size: number): Uint16Array {
  const share = new Uint16Array(size * size);
  for (let y = 0; y < size; y++) {
    for (let x = 0; x < size; x++) {
      let out = 0;
      for (let i = 0; i < SAMPLES * SAMPLES; i++) {
        const dx = size - x - ((i % SAMPLES) + 0.5) / SAMPLES;
        const dy = size - y - (Math.floor(i / SAMPLES) + 0.5) / SAMPLES;
        if (dx * dx + dy * dy > size * size) out++;
      }
      share[y * size + x] = (out * 256) / SAMPLES ** 2;
    }
  }
  return share;
}

export class RoundedCorners {
  private readonly masks: readonly Uint16Array[];
  /** The kept pixels by plane and corner. */
  private readonly below: readonly (readonly Buffer[])[];

  /** @param radius in pixels; even, and at most half of the tile's sides. */
  constructor(readonly radius: number) {
    this.masks = [outside(radius), outside(radius / 2)];
    this.below = [radius, radius / 2, radius / 2].map((size) =>
      Array.from({ length: 4 }, () => Buffer.alloc(size * size)),
    );
  }

  /** Keeps the pixels below; to be called before the tile is drawn when they have changed. */
  keep(picture: Picture, rect: Rect): void {
    this.each(picture, rect, (plane, offset, stride, size, kept) => {
      for (let row = 0; row < size; row++) {
        plane.copy(kept, row * size, offset + row * stride, offset + row * stride + size);
      }
    });
  }

  /** Restores the kept pixels; to be called after the tile was drawn. */
  restore(picture: Picture, rect: Rect): void {
    this.each(picture, rect, (plane, offset, stride, size, kept, mask, flipX, flipY) => {
      for (let y = 0; y < size; y++) {
        const maskRow = (flipY ? size - 1 - y : y) * size;
        for (let x = 0; x < size; x++) {
          const share = mask[maskRow + (flipX ? size - 1 - x : x)] as number;
          if (share === 0) continue;
          const at = offset + y * stride + x;
          const tile = (plane[at] as number) * (256 - share);
          plane[at] = (tile + (kept[y * size + x] as number) * share + 128) >> 8;
        }
      }
    });
  }

  private each(
    picture: Picture,
    rect: Rect,
    work: (
      plane: Buffer,
      offset: number,
      stride: number,
      size: number,
      kept: Buffer,
      mask: Uint16Array,
      flipX: boolean,
      flipY: boolean,
    ) => void,
  ): void {
    const { planes, strides } = picture;
    for (let index = 0; index < 3; index++) {
      const shift = index === 0 ? 0 : 1;
      const stride = strides[index] as number;
      const size = this.radius >> shift;
      for (let corner = 0; corner < 4; corner++) {
        const [right, bottom] = [corner % 2 === 1, corner > 1];
        const x = (right ? rect.x + rect.width - this.radius : rect.x) >> shift;
        const y = (bottom ? rect.y + rect.height - this.radius : rect.y) >> shift;
        const kept = this.below[index]?.[corner] as Buffer;
        const mask = this.masks[shift] as Uint16Array;
        work(planes[index] as Buffer, y * stride + x, stride, size, kept, mask, right, bottom);
      }
    }
  }
}
