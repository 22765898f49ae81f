/** Events of rooms as the API gives them: `/v1/events` and webhooks. */
import { randomUUID } from 'node:crypto';
import type { LoadStep } from '../link/load-steps.js';
import type { OutputInfo } from '../protocol/output-info.js';
import type { RecordingInfo } from '../protocol/recording-info.js';
import type { WaitingInfo } from './lobby.js';
import type { ParticipantInfo } from './participant-info.js';
import type { RoomSettings } from './room-settings.js';
import type { PublishedUpdate, RoomUpdate } from './room-update.js';

/**
 * Every event, with LiveKit's name where it has one. `kept` events have an id to continue from and go
 * to webhooks; `momentary` ones reach open streams only.
 */
const EVENT_NAMES = {
  room_started: 'kept',
  room_changed: 'kept',
  room_finished: 'kept',
  participant_waiting: 'kept',
  participant_joined: 'kept',
  participant_changed: 'kept',
  participant_left: 'kept',
  speaking_started: 'momentary',
  speaking_stopped: 'momentary',
  load_changed: 'kept',
  egress_started: 'kept',
  egress_updated: 'kept',
  egress_ended: 'kept',
} as const satisfies Record<string, 'kept' | 'momentary'>;

export type RoomEventName = keyof typeof EVENT_NAMES;

export function isMomentary(event: RoomEventName): boolean {
  return EVENT_NAMES[event] === 'momentary';
}

export interface RoomInfo extends RoomSettings {
  readonly name: string;
  /** Differs between rooms that had the same name one after the other. */
  readonly sid: string;
  readonly numParticipants: number;
  readonly numWaiting: number;
  /** In seconds since 1970. */
  readonly creationTime: number;
}

export interface RoomEvent extends EventDetails {
  readonly id: string;
  readonly event: RoomEventName;
  /** In seconds since 1970. */
  readonly createdAt: number;
  readonly room: RoomInfo;
}

interface EventDetails {
  readonly participant?: ParticipantInfo;
  readonly waiting?: WaitingInfo;
  readonly recording?: RecordingInfo;
  readonly output?: OutputInfo;
  /** Steps by which the composite is reduced because the CPU is short; none is the full composite. */
  readonly load?: readonly LoadStep[];
}

/** A room, as far as its events need it. */
export interface RoomInEvents {
  readonly id: string;
  readonly sid: string;
  readonly size: number;
  readonly waiting: readonly WaitingInfo[];
  /** In ms since 1970. */
  readonly createdAt: number;
  readonly settings: RoomSettings;
}

export function roomInfo(room: RoomInEvents): RoomInfo {
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
  room: RoomInEvents,
  details: EventDetails = {},
): RoomEvent {
  const createdAt = Math.floor(Date.now() / 1000);
  return { id: randomUUID(), event, createdAt, room: roomInfo(room), ...details };
}

type Draft = readonly [RoomEventName, EventDetails?];

const EVENTS = {
  started: () => [['room_started']],
  ended: () => [['room_finished']],
  joined: ({ participant }) => [['participant_joined', { participant }]],
  left: ({ participant }) => [['participant_left', { participant }]],
  changed: ({ participant }) => [['participant_changed', { participant }]],
  waiting: ({ waiting }) => [['participant_waiting', { waiting }]],
  speaking: ({ started, stopped }) => [
    ...stopped.map((participant): Draft => ['speaking_stopped', { participant }]),
    ...started.map((participant): Draft => ['speaking_started', { participant }]),
  ],
  settings: () => [['room_changed']],
  load: ({ steps }) => [['load_changed', { load: steps }]],
  recording: ({ phase, recording }) => [[`egress_${phase}`, { recording }]],
  output: ({ phase, output }) => [[`egress_${phase}`, { output }]],
} satisfies {
  [K in PublishedUpdate['type']]: (
    update: Extract<PublishedUpdate, { type: K }>,
  ) => readonly Draft[];
};

function draftsOf<U extends RoomUpdate>(update: U): readonly Draft[] {
  const table = EVENTS as unknown as Partial<Record<string, (update: U) => readonly Draft[]>>;
  return table[update.type]?.(update) ?? [];
}

/** The events of an update; none for those that concern the call alone. */
export function eventsOf(update: RoomUpdate, room: RoomInEvents): RoomEvent[] {
  return draftsOf(update).map(([name, details]) => roomEvent(name, room, details));
}
