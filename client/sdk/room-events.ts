/** The events of a room. */

import type { ChatState } from '../../src/protocol/chat.js';
import type { ErrorCode } from '../../src/protocol/error-codes.js';
import type { LayoutDescription } from '../../src/protocol/layout.js';
import type { ParticipantState, WaitingState } from '../../src/protocol/participants.js';
import type { RoomStatus } from '../../src/protocol/room-status.js';
import type { MediaKinds } from './room-options.js';

/** `waiting` is in the lobby. `failed` and `left` are final. */
export type RoomState = 'connecting' | 'waiting' | 'connected' | 'reconnecting' | 'failed' | 'left';

export interface RoomEvents {
  state: { readonly state: RoomState; readonly reason: string | undefined };
  /** Somebody entered, left or changed. All participants, in order of joining. */
  participants: readonly ParticipantState[];
  /** Ids of the participants who speak. */
  speaking: readonly string[];
  /** Id of the dominant speaker. Undefined after they left. */
  dominant: string | undefined;
  /** `timestamp` is the RTP timestamp of the first frame with this layout, if it is known. */
  layout: { readonly layout: LayoutDescription; readonly timestamp: number | undefined };
  /** Whether the room is locked, has a lobby, is recorded, is live. */
  settings: RoomStatus;
  /** To hosts: everybody who waits in the lobby. */
  lobby: readonly WaitingState[];
  /** A host switched these off. The tracks are disabled already. */
  muted: MediaKinds;
  /** A host asks to switch these on. Call `setMicEnabled` and `setCameraEnabled` if the user agrees. */
  unmuteAsked: MediaKinds;
  /** The own screen share started or ended: by a call, by the browser's own button or by a host. */
  screen: { readonly sharing: boolean };
  /** Somebody wrote, the user included. */
  chat: ChatState;
  /** All chat messages that are known, after joining and after a time without connection. */
  history: readonly ChatState[];
  /** An application's own message from another participant. `time` is in milliseconds since 1970. */
  message: {
    readonly from: string;
    readonly topic: string;
    readonly data: unknown;
    readonly time: number;
  };
  /** What is received now: one of {@link Room.renditions}. */
  rendition: string;
  notice: { readonly code: string; readonly message: string };
  error: {
    /** Stable. Newer servers may send codes that this version does not know. */
    readonly code: ErrorCode | 'camera_layers' | (string & {});
    readonly message: string;
    readonly next: string | undefined;
  };
}

export type EmitRoomEvent = <Name extends keyof RoomEvents>(
  name: Name,
  value: RoomEvents[Name],
) => void;
