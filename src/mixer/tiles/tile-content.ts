/** What a tile shows on a tick. */
import type { Picture } from '../../codecs/ffmpeg/picture.js';
import type { SourceId } from '../../link/link-messages.js';
import type { PlaceholderLook } from './placeholder.js';
import { isSameLabel, type LabelContent } from './tile-label.js';

export interface TileContent {
  readonly id: SourceId;
  readonly label: LabelContent;
  /** Shows a border. */
  readonly speaking: boolean;
  /** Undefined shows the placeholder. Owned by the caller; valid until `draw` resolves. */
  readonly picture: Picture | undefined;
  /** Differs whenever the picture does. */
  readonly generation: number;
  /** Shown instead of initials; compared by identity. */
  readonly avatar: PlaceholderLook['avatar'];
}

/** Whether both look the same. Neither picture is read: that of `a` may be freed. */
export function isSameContent(a: TileContent, b: TileContent): boolean {
  if (a.speaking !== b.speaking || a.avatar !== b.avatar) return false;
  const isSamePicture = b.picture
    ? a.picture !== undefined && a.generation === b.generation
    : a.picture === undefined;
  return isSamePicture && isSameLabel(a.label, b.label);
}
