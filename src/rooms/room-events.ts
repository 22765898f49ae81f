/** What happens in rooms, as it is told outside: by webhooks and to dashboards. */
import { randomUUID } from 'node:crypto';
import type { LoadStep } from '../link/load-steps.js';
import type { OutputInfo } from '../protocol/output-info.js';
import type { RecordingInfo } from '../protocol/recording-info.js';
import type { WaitingInfo } from './lobby.js';
import type { ParticipantInfo } from './participant-info.js';
import type { Room } from './room.js';
import type { RoomSettings } from './room-settings.js';

/** LiveKit's names where it has them. */
export type RoomEventName =
  | 'room_started'
  | 'room_changed'
  | 'room_finished'
  | 'participant_waiting'
  | 'participant_joined'
  | 'participant_changed'
  | 'participant_left'
  | 'speaking_started'
  | 'speaking_stopped'
  | 'load_changed'
  | 'egress_started'
  | 'egress_updated'
  | 'egress_ended';

/** Of the moment: told to who listens, neither kept for later nor sent as webhooks. */
export function isMomentary(event: RoomEventName): boolean {
  return event === 'speaking_started' || event === 'speaking_stopped';
}

export interface RoomInfo extends RoomSettings {
  readonly name: string;
  /** Of this one of the rooms that had the name. */
  readonly sid: string;
  readonly numParticipants: number;
  readonly numWaiting: number;
  /** In seconds since 1970. */
  readonly creationTime: number;
}

export interface RoomEvent {
  readonly id: string;
  readonly event: RoomEventName;
  /** In seconds since 1970. */
  readonly createdAt: number;
  readonly room: RoomInfo;
  readonly participant?: ParticipantInfo;
  readonly waiting?: WaitingInfo;
  readonly recording?: RecordingInfo;
  readonly output?: OutputInfo;
  /** Steps that the picture gives way by, for want of CPU; none is the whole picture. */
  readonly load?: readonly LoadStep[];
}

export function roomInfo(room: Room): RoomInfo {
  return {
    name: room.id,
    sid: room.sid,
    numParticipants: room.size,
    numWaiting: room.waiting.length,
    creationTime: Math.floor(room.createdAt / 1000),
    ...room.settings,
  };
}

export function roomEvent(
  event: RoomEventName,
  room: Room,
  details: Pick<RoomEvent, 'participant' | 'waiting' | 'recording' | 'output' | 'load'> = {},
): RoomEvent {
  const createdAt = Math.floor(Date.now() / 1000);
  return { id: randomUUID(), event, createdAt, room: roomInfo(room), ...details };
}
