import type { LayoutDescription } from '../protocol/layout.js';
import type { RoomLayout } from '../rooms/room-layout.js';

/** A room's layout as clients and callers of the API are told it. */
export function layoutDescription({ pinned, regions, ...rest }: RoomLayout): LayoutDescription {
  return { ...rest, pinned: [...pinned], regions: [...regions] };
}
