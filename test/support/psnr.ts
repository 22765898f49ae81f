import type { Picture } from '../../src/codecs/ffmpeg/picture.js';

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

/** Mean structural similarity of the luma over blocks of 8x8 pixels (Wang and others, 2004). */
export function ssimOf(a: Picture, b: Picture): number {
  const [one, other] = [a.planes[0] as Buffer, b.planes[0] as Buffer];
  const [strideA, strideB] = [a.strides[0] as number, b.strides[0] as number];
  const [c1, c2] = [(0.01 * 255) ** 2, (0.03 * 255) ** 2];
  let [sum, count] = [0, 0];
  for (let top = 0; top + 8 <= a.height; top += 8) {
    for (let left = 0; left + 8 <= a.width; left += 8) {
      let [meanA, meanB, squareA, squareB, product] = [0, 0, 0, 0, 0];
      for (let y = top; y < top + 8; y++) {
        for (let x = left; x < left + 8; x++) {
          const [p, q] = [one[y * strideA + x] as number, other[y * strideB + x] as number];
          meanA += p / 64;
          meanB += q / 64;
          squareA += (p * p) / 64;
          squareB += (q * q) / 64;
          product += (p * q) / 64;
        }
      }
      const [varianceA, varianceB] = [squareA - meanA * meanA, squareB - meanB * meanB];
      const covariance = product - meanA * meanB;
      sum +=
        ((2 * meanA * meanB + c1) * (2 * covariance + c2)) /
        ((meanA * meanA + meanB * meanB + c1) * (varianceA + varianceB + c2));
      count++;
    }
  }
  return sum / count;
}
