/** The server's messages to a client: a table turns each update of the room into its message. */
import type { TesseraError } from '../errors.js';
import type { IceServer } from '../protocol/ice-server.js';
import type { ParticipantState } from '../protocol/participants.js';
import type { RoomStatus } from '../protocol/room-status.js';
import type { ServerMessage } from '../protocol/server-messages.js';
import type { WaitingInfo } from '../rooms/lobby.js';
import type { Participant } from '../rooms/participant.js';
import { participantInfo } from '../rooms/participant-info.js';
import type { Room } from '../rooms/room.js';
import { SENT_TO_ALL, SENT_TO_ONE, type SentUpdate, type Update } from '../rooms/room-update.js';

/** The participant who gets the message, and their room. */
export interface Receiver {
  readonly room: Pick<Room, 'settings' | 'egress'>;
  readonly participant: Pick<Participant, 'id' | 'output'>;
}

/** For updates that clients do not get. */
const nothing = (): undefined => undefined;

function statusOf({ settings: { locked, lobby }, egress }: Receiver['room']): RoomStatus {
  return { locked, lobby, ...egress };
}

function lobbyMessage(waiting: readonly WaitingInfo[]): ServerMessage {
  return { type: 'lobby', waiting: waiting.map(({ id, name }) => ({ id, name })) };
}

export function errorMessage({ code, message, next, retryAfterSeconds }: TesseraError) {
  return {
    type: 'error',
    code,
    message,
    ...(next === undefined ? {} : { next }),
    ...(retryAfterSeconds === undefined ? {} : { retryAfterSeconds }),
  } as const satisfies ServerMessage;
}

const MESSAGES = {
  started: nothing,
  ended: nothing,
  empty: nothing,
  image: nothing,
  load: nothing,
  recording: nothing,
  output: nothing,
  settings: nothing,
  waiting: nothing,
  joined: ({ participant, hidden }) => (hidden ? undefined : { type: 'joined', participant }),
  left: ({ participant, hidden }) =>
    hidden ? undefined : { type: 'left', participant: participant.id },
  changed: ({ participant, hidden }, to) =>
    hidden && participant.id !== to.participant.id ? undefined : { type: 'changed', participant },
  speaking: ({ participants }) => ({ type: 'speaking', participants: [...participants] }),
  dominant: ({ participant }) => ({
    type: 'dominant',
    ...(participant === undefined ? {} : { participant }),
  }),
  layout: ({ layout, ptsMicros }, to) => {
    const timestamp =
      ptsMicros === undefined ? undefined : to.participant.output?.videoTimestampOf(ptsMicros);
    return { type: 'layout', layout, ...(timestamp === undefined ? {} : { timestamp }) };
  },
  room: (_, to) => ({ type: 'room', room: statusOf(to.room) }),
  appMessage: ({ message }) => ({ type: 'message', ...message }),
  error: ({ error }) => errorMessage(error),
  lobby: ({ waiting }) => lobbyMessage(waiting),
  muted: ({ off }) => ({ type: 'muted', ...off }),
  unmuteAsked: ({ on: { mic, camera } }) => ({
    type: 'unmuteAsked',
    ...(mic === undefined ? {} : { mic }),
    ...(camera === undefined ? {} : { camera }),
  }),
  // These change the session itself.
  data: nothing,
  admitted: nothing,
  closed: nothing,
} satisfies {
  [K in Exclude<Update['type'], SentUpdate['type']>]: (
    update: Extract<Update, { type: K }>,
    to: Receiver,
  ) => ServerMessage | undefined;
};

const SENT_AS_IS: ReadonlySet<string> = new Set([...SENT_TO_ALL, ...SENT_TO_ONE]);

function isSentAsIs(update: Update): update is SentUpdate {
  return SENT_AS_IS.has(update.type);
}

/** Undefined for updates that this client does not get. */
export function messageOf<U extends Update>(update: U, to: Receiver): ServerMessage | undefined {
  if (isSentAsIs(update)) return update;
  const table = MESSAGES as unknown as Record<
    string,
    (update: U, to: Receiver) => ServerMessage | undefined
  >;
  return table[update.type]?.(update, to);
}

/** The participants that somebody sees; hidden ones see themselves. */
function participantsFor(own: Participant, room: Room): ParticipantState[] {
  const others = room.visibleParticipants;
  return own.grant.hidden ? [...others, participantInfo(own)] : [...others];
}

/** What a client gets after it has joined or resumed. */
export function welcomeMessages(
  room: Room,
  participant: Participant,
  { resumed, iceServers }: { readonly resumed: boolean; readonly iceServers: IceServer[] },
): ServerMessage[] {
  const { history } = room.chat;
  const messages: ServerMessage[] = [
    {
      type: 'welcome',
      participant: participant.id,
      token: participant.resumeToken,
      resumed,
      room: {
        id: room.id,
        ...statusOf(room),
        layout: room.layout,
        participants: participantsFor(participant, room),
      },
      iceServers,
      renditions: [...room.renditions],
    },
  ];
  if (history.length > 0) messages.push({ type: 'history', messages: [...history] });
  if (participant.role === 'host') messages.push(lobbyMessage(room.waiting));
  return messages;
}
