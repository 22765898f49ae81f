/**
 * The public surface of the SDK.
 *
 *   const room = await Room.connect({ url, room: 'demo', name: 'Ada', audioTrack, videoTrack });
 *   video.srcObject = room.stream;
 */
export type { ChatState } from '../../src/protocol/chat.js';
export type { ErrorCode } from '../../src/protocol/error-codes.js';
export type {
  CustomLayout,
  CustomRegion,
  LayoutDescription,
  LayoutMode,
  TileRegion,
} from '../../src/protocol/layout.js';
export type { ParticipantState, Role, WaitingState } from '../../src/protocol/participants.js';
export type { RecordingInfo, RecordingRequest } from '../../src/protocol/recording-info.js';
export type { RoomStatus } from '../../src/protocol/room-status.js';
export { OwnTile } from './own-tile.js';
export { ReceiveLimiter } from './receive-limiter.js';
export { RecordingError, type RoomRecordings } from './recordings.js';
export { Room } from './room.js';
export type { RoomEvents, RoomState } from './room-events.js';
export type {
  MediaKinds,
  ModerationAction,
  ReceiveLimits,
  RoomOptions,
  TokenSource,
} from './room-options.js';
export { TileButtons, type TileButtonsOptions } from './tile-buttons.js';
