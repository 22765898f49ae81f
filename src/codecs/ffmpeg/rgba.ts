import { AV_PIX_FMT_RGBA, type AVPixelFormat, SoftwareScaleContext, SWS_BICUBIC } from 'node-av';
import type { Picture } from './picture.js';

/** A picture's pixels as RGBA, scaled to a size, without gaps between rows. */
export async function toRgba(picture: Picture, width: number, height: number): Promise<Buffer> {
  // swscale writes rows in multiples of 16 pixels.
  const stride = Math.ceil(width / 16) * 16 * 4;
  const padded = Buffer.alloc(stride * height + 64);
  const context = new SoftwareScaleContext();
  context.getContext(
    picture.width,
    picture.height,
    picture.frame.format as AVPixelFormat,
    width,
    height,
    AV_PIX_FMT_RGBA,
    SWS_BICUBIC,
  );
  try {
    const { planes, strides } = picture;
    const done = await context.scale(
      planes.slice(0, 3),
      strides.slice(0, 3),
      0,
      picture.height,
      [padded],
      [stride],
    );
    if (done < 0) throw new Error(`a picture could not be converted (${done})`);
  } finally {
    context.freeContext();
  }
  if (stride === width * 4) return padded.subarray(0, stride * height);
  const rows = Array.from({ length: height }, (_, y) =>
    padded.subarray(y * stride, y * stride + width * 4),
  );
  return Buffer.concat(rows);
}
