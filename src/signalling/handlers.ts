/** What each message of a client does: one entry per type of message, and per action of a host. */
import { TesseraError } from '../errors.js';
import type { ClientMessage } from '../protocol/client-messages.js';
import type { DataMessage } from '../protocol/data-messages.js';
import type { MessageOf } from '../protocol/handlers.js';
import type { IceServer } from '../protocol/ice-server.js';
import type { Moderate } from '../protocol/moderation.js';
import type { Role } from '../protocol/participants.js';
import type { ServerMessage } from '../protocol/server-messages.js';
import type { RecordingAccess } from '../rooms/caller.js';
import type { Grant } from '../rooms/grant.js';
import { cleanName } from '../rooms/names.js';
import type { Participant } from '../rooms/participant.js';
import { refusedMediaError } from '../rooms/refused-media.js';
import type { Room } from '../rooms/room.js';
import { errorMessage } from './wire.js';

type ActionOf<A extends Moderate['action']> = Extract<Moderate, { action: A }>;

/** A client's place in a room. */
export interface Seat {
  readonly room: Room;
  readonly participant: Participant;
}

/** What handlers may ask of their session. */
export interface HandlerContext {
  readonly dependencies: {
    endRoom(id: string): Promise<void>;
    iceServers(participant: string): IceServer[];
    recordingAccess(room: string, role: Role, grant: Grant): Promise<RecordingAccess>;
  };
  join(message: MessageOf<ClientMessage, 'join'>): Promise<void>;
  resume(message: MessageOf<ClientMessage, 'resume'>): void;
  leave(): void;
  /** @throws TesseraError `out_of_order` for clients that have not joined. */
  seat(): Seat;
  /** Our address to which the client's request came; undefined behind a proxy. */
  readonly reachedAt: string | undefined;
  send(message: ServerMessage): void;
}

/** @throws TesseraError `forbidden`. */
function requireHost({ role }: Participant): void {
  if (role !== 'host') throw new TesseraError('forbidden', 'only hosts may do that');
}

/** Chat or an application's message, over the socket or the data channel. */
export function write({ room, participant }: Seat, message: DataMessage): void {
  if (message.type === 'chat') room.chat.write(participant.id, message.text);
  else room.chat.send(participant.id, message.topic, message.data, message.to);
}

const ACTIONS = {
  lock: ({ room }, { locked }) => room.update({ locked }),
  lobby: ({ room }, { enabled }) => room.update({ lobby: enabled }),
  admit: ({ room }, { participant }) => room.membership.admit(participant),
  deny: ({ room }, { participant }) => room.membership.deny(participant),
  remove: ({ room }, { participant }) => room.moderation.remove(participant),
  mute: ({ room }, { participant, ...media }) => {
    if (participant === undefined) room.moderation.muteAll(media);
    else room.moderation.mute(participant, media);
  },
  askToUnmute: ({ room }, { participant, ...media }) =>
    room.moderation.askToUnmute(participant, media),
  rename: ({ room }, { participant, name }) => {
    room.moderation.change(participant, { name: cleanName(name) });
  },
  role: ({ room }, { participant, role }) => {
    room.moderation.change(participant, { role });
  },
  gain: ({ room }, { participant, gainDb }) => {
    room.moderation.change(participant, { gainDb });
  },
  liftQuarantine: ({ room }, { participant }) => room.liftQuarantine(participant),
  layout: ({ room }, { mode, custom }) =>
    room.update({ layout: mode, ...(custom === undefined ? {} : { customLayout: custom }) }),
  pin: ({ room }, { participants }) => room.pin(participants),
  end: ({ room }, _, { dependencies }) => dependencies.endRoom(room.id),
} satisfies {
  [A in Moderate['action']]: (
    seat: Seat,
    message: ActionOf<A>,
    context: HandlerContext,
  ) => void | Promise<void>;
};

const HANDLERS = {
  join: (context, message) => context.join(message),
  resume: (context, message) => context.resume(message),
  leave: (context) => context.leave(),
  offer: async (context, { sdp }) => {
    const { connection } = context.seat().participant;
    const answer = await connection.negotiate(sdp, { reachedAt: context.reachedAt });
    context.send({ type: 'answer', sdp: answer });
    // The rest of the call goes on.
    const { refused } = connection;
    if (refused.length > 0) context.send(errorMessage(refusedMediaError(refused)));
  },
  candidate: (context, { candidate }) =>
    context.seat().participant.connection.addCandidate(candidate),
  iceServers: (context) => {
    const { id } = context.seat().participant;
    context.send({ type: 'iceServers', iceServers: context.dependencies.iceServers(id) });
  },
  missing: (context, { mix }) => context.seat().participant.media.setMixMissing(mix),
  mute: (context, message) => context.seat().participant.setMuted(message),
  receive: (context, message) => context.seat().participant.media.setReceiveLimits(message),
  recordings: async (context) => {
    const { room, participant } = context.seat();
    const access = await context.dependencies.recordingAccess(
      room.id,
      participant.role,
      participant.grant,
    );
    context.send({ type: 'recordings', ...access });
  },
  chat: (context, message) => write(context.seat(), message),
  message: (context, message) => write(context.seat(), message),
  moderate: (context, message) => {
    const seat = context.seat();
    requireHost(seat.participant);
    return act(seat, message, context);
  },
} satisfies {
  [T in ClientMessage['type']]: (
    context: HandlerContext,
    message: MessageOf<ClientMessage, T>,
  ) => void | Promise<void>;
};

function act<M extends Moderate>(
  seat: Seat,
  message: M,
  context: HandlerContext,
): void | Promise<void> {
  const table = ACTIONS as unknown as Record<
    string,
    (seat: Seat, message: M, context: HandlerContext) => void | Promise<void>
  >;
  return table[message.action]?.(seat, message, context);
}

/** @throws TesseraError; all of them are answered with an `error` message. */
export async function handle<M extends ClientMessage>(
  context: HandlerContext,
  message: M,
): Promise<void> {
  const table = HANDLERS as unknown as Record<
    string,
    (context: HandlerContext, message: M) => void | Promise<void>
  >;
  await table[message.type]?.(context, message);
}
