import { AVCOL_RANGE_JPEG, AVCOL_SPC_BT709, AVCOL_SPC_UNSPECIFIED } from 'node-av';
import type { ColourSpace } from '../../rtp/colour-space.js';
import type { Picture } from './picture.js';

/**
 * The colour space that a picture's bitstream states (H.264: in its VUI); undefined if it states
 * none.
 */
export function colourSpaceOf({ frame }: Picture): ColourSpace | undefined {
  const { colorSpace, colorRange } = frame;
  const fullRange = colorRange === AVCOL_RANGE_JPEG;
  if (colorSpace === AVCOL_SPC_UNSPECIFIED && !fullRange) return undefined;
  return { matrix: colorSpace === AVCOL_SPC_BT709 ? 'bt709' : 'bt601', fullRange };
}
