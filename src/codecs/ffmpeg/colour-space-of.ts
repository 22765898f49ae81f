import { AVCOL_RANGE_JPEG, AVCOL_SPC_BT709, AVCOL_SPC_UNSPECIFIED } from 'node-av';
import type { ColourSpace } from '../../rtp/colour-space.js';
import type { Picture } from './picture.js';

/** What the bitstream said of a decoded picture (H.264: its VUI); undefined if it said nothing. */
export function colourSpaceOf({ frame }: Picture): ColourSpace | undefined {
  const { colorSpace, colorRange } = frame;
  const fullRange = colorRange === AVCOL_RANGE_JPEG;
  if (colorSpace === AVCOL_SPC_UNSPECIFIED && !fullRange) return undefined;
  return { matrix: colorSpace === AVCOL_SPC_BT709 ? 'bt709' : 'bt601', fullRange };
}
