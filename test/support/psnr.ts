import type { Picture } from '../../src/media/ffmpeg/picture.js';

/** Mean square error of the luma of two pictures of one size. */
export function lumaError(a: Picture, b: Picture): number {
  const [one, other] = [a.planes[0] as Buffer, b.planes[0] as Buffer];
  const [strideA, strideB] = [a.strides[0] as number, b.strides[0] as number];
  let sum = 0;
  for (let y = 0; y < a.height; y++) {
    for (let x = 0; x < a.width; x++) {
      const difference = (one[y * strideA + x] as number) - (other[y * strideB + x] as number);
      sum += difference * difference;
    }
  }
  return sum / (a.width * a.height);
}

/** PSNR in dB of a mean square error. */
export function psnrOf(error: number): number {
  return 10 * Math.log10((255 * 255) / error);
}
