import type { LayoutMode } from '../../protocol/layout.js';
import { custom } from './custom.js';
import { grid } from './grid.js';
import type { Layout } from './layout.js';
import { pictureInPicture } from './picture-in-picture.js';
import { presentation } from './presentation.js';
import { speaker } from './speaker.js';
import { spotlight } from './spotlight.js';

/** The layout of each mode. A mode without a layout does not compile. */
export const LAYOUTS = {
  grid,
  speaker,
  presentation,
  spotlight,
  pip: pictureInPicture,
  custom,
} satisfies Record<LayoutMode, Layout>;
