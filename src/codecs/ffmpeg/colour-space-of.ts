import {
  AV_PIX_FMT_YUVJ420P,
  AV_PIX_FMT_YUVJ422P,
  AV_PIX_FMT_YUVJ444P,
  AVCOL_RANGE_JPEG,
  AVCOL_SPC_BT709,
  AVCOL_SPC_UNSPECIFIED,
} from 'node-av';
import type { ColourSpace } from '../../rtp/colour-space.js';
import type { Picture } from './picture.js';

/** Formats that mean full range: swscale brings them to limited range while it scales. */
const FULL_RANGE_FORMATS = new Set<number>([
  AV_PIX_FMT_YUVJ420P,
  AV_PIX_FMT_YUVJ422P,
  AV_PIX_FMT_YUVJ444P,
]);

/**
 * The colour space that a picture has once it is scaled, as its bitstream states it (H.264: in its
 * VUI); undefined if it states none.
 */
export function colourSpaceOf({ frame }: Picture): ColourSpace | undefined {
  const { colorSpace, colorRange, format } = frame;
  const isConverted = FULL_RANGE_FORMATS.has(format);
  const fullRange = colorRange === AVCOL_RANGE_JPEG && !isConverted;
  if (colorSpace === AVCOL_SPC_UNSPECIFIED && !fullRange && !isConverted) return undefined;
  return { matrix: colorSpace === AVCOL_SPC_BT709 ? 'bt709' : 'bt601', fullRange };
}
