/** A room without media processes and sockets, for unit tests. */
import type { PeerTransportOptions } from '../../src/peer/peer-transport.js';
import { type PreviousRoom, Room, type RoomOptions } from '../../src/rooms/room.js';
import { type RoomSettings, settingsFrom } from '../../src/rooms/room-settings.js';
import { FakeMediaPool, MIX } from './fake-media-process.js';
import { silentLogger } from './members.js';

export const ROOM_OPTIONS: RoomOptions = {
  mix: MIX,
  // Nobody offers anything: no transport is opened.
  transport: {} as PeerTransportOptions,
  videoCodecs: ['vp8', 'h264'],
  dtx: false,
};

export const ROOM_DEFAULTS = { maxParticipants: 10, maxSeconds: 0, emptySeconds: 20 };

export function testRoom(
  id: string,
  settings: Partial<RoomSettings> = {},
  previous?: PreviousRoom,
): { readonly room: Room; readonly pool: FakeMediaPool } {
  const pool = new FakeMediaPool();
  const room = new Room(
    id,
    settingsFrom(ROOM_DEFAULTS, settings),
    ROOM_OPTIONS,
    { pool, logger: silentLogger, admit: () => {}, revoke: () => {} },
    previous,
  );
  return { room, pool };
}
