/**
 * What happens in a room, as two closed unions. Exhaustive tables turn an update into a signalling
 * message (`signalling/wire.ts`) and into an event of `/v1/events` and of webhooks (`room-events.ts`).
 * A new update is added here; the compiler then names every table that lacks it.
 */
import type { TesseraError } from '../errors.js';
import type { SanitizedImage } from '../link/link-messages.js';
import type { LoadStep } from '../link/load-steps.js';
import type { MessageOf } from '../protocol/handlers.js';
import type { LayoutDescription } from '../protocol/layout.js';
import type { OutputInfo } from '../protocol/output-info.js';
import type { RecordingInfo } from '../protocol/recording-info.js';
import type { ServerMessage } from '../protocol/server-messages.js';
import type { Micros } from '../util/units.js';
import type { WaitingInfo } from './lobby.js';
import type { ParticipantInfo } from './participant-info.js';

/**
 * Types of server messages that are updates as they are, and are sent unchanged. A message that says
 * all there is to say needs no other place on the server.
 */
export const SENT_TO_ALL = ['chat'] as const satisfies readonly ServerMessage['type'][];
export const SENT_TO_ONE = [
  'candidate',
  'connection',
  'rendition',
  'cameraShown',
] as const satisfies readonly ServerMessage['type'][];

type Sent<T extends ServerMessage['type']> = Readonly<MessageOf<ServerMessage, T>>;
export type SentUpdate = Sent<(typeof SENT_TO_ALL)[number] | (typeof SENT_TO_ONE)[number]>;

interface OfParticipant {
  readonly participant: ParticipantInfo;
  /** Other participants and recordings must not learn of them. */
  readonly hidden: boolean;
}

/** Everybody in the room learns it; it also becomes events of the API and webhooks. */
export type PublishedUpdate =
  /** The room can be joined. */
  | { readonly type: 'started' }
  /** The room is closed; nothing follows but the ends of its recordings and live outputs. */
  | { readonly type: 'ended' }
  | ({ readonly type: 'joined' } & OfParticipant)
  | ({ readonly type: 'left' } & OfParticipant)
  | ({ readonly type: 'changed' } & OfParticipant)
  /** Somebody came into the lobby. */
  | { readonly type: 'waiting'; readonly waiting: WaitingInfo }
  | {
      readonly type: 'speaking';
      /** Ids of all who speak now. */
      readonly participants: readonly string[];
      readonly started: readonly ParticipantInfo[];
      readonly stopped: readonly ParticipantInfo[];
    }
  /** Settings or images of the room changed. */
  | { readonly type: 'settings' }
  /** Steps by which the composite is reduced because the CPU is short; none is the full composite. */
  | { readonly type: 'load'; readonly steps: readonly LoadStep[] }
  | { readonly type: 'recording'; readonly phase: EgressPhase; readonly recording: RecordingInfo }
  | { readonly type: 'output'; readonly phase: EgressPhase; readonly output: OutputInfo };

/** For the server and for those in the room; it is not published. */
export type InternalUpdate =
  /** Nobody is in the room any more, and nobody waits. */
  | { readonly type: 'empty' }
  /** An image of the room was added or replaced; without `image`, removed. */
  | { readonly type: 'image'; readonly name: string; readonly image: SanitizedImage | undefined }
  /** Lock, lobby, recording or live state: what clients show of the room. */
  | { readonly type: 'room' }
  /** The id of the dominant speaker; undefined after they left. */
  | { readonly type: 'dominant'; readonly participant: string | undefined }
  /** `ptsMicros`: of the first composite with this layout; undefined if the tiles did not move. */
  | {
      readonly type: 'layout';
      readonly layout: LayoutDescription;
      readonly ptsMicros: Micros | undefined;
    }
  | Sent<(typeof SENT_TO_ALL)[number]>;

export type RoomUpdate = PublishedUpdate | InternalUpdate;

/** Of a recording or a live output. */
export type EgressPhase = 'started' | 'updated' | 'ended';

/** What a host switched off, or asks to switch on. */
export interface MuteRequest {
  readonly mic?: boolean;
  readonly camera?: boolean;
  readonly screen?: boolean;
}

/** A message that an application sends to other participants. */
export interface AppMessage {
  /** Id of the participant. */
  readonly from: string;
  readonly topic: string;
  /** Any JSON value. */
  readonly data: unknown;
  /** In ms since 1970. */
  readonly time: number;
}

/** To one participant, or to one who waits in the lobby. */
export type MemberUpdate =
  | { readonly type: 'error'; readonly error: TesseraError }
  | Sent<(typeof SENT_TO_ONE)[number]>
  /** To hosts: all who wait. */
  | { readonly type: 'lobby'; readonly waiting: readonly WaitingInfo[] }
  | { readonly type: 'muted'; readonly off: MuteRequest }
  | { readonly type: 'unmuteAsked'; readonly on: MuteRequest }
  | { readonly type: 'appMessage'; readonly message: AppMessage }
  /** A message of theirs came over the data channel. */
  | { readonly type: 'data'; readonly text: string }
  /** A host let the waiting one in: the id of their participant. */
  | { readonly type: 'admitted'; readonly participant: string }
  /** Their participation, or their wait, was ended by somebody else. */
  | { readonly type: 'closed'; readonly reason: TesseraError };

export type Update = RoomUpdate | MemberUpdate;
