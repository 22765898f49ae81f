/**
 * One client's signalling: reads its messages in order, speaks for its participant in the room, and
 * outlives its socket by a while, so that a client whose network changed takes up where it was.
 */
import { timingSafeEqual } from 'node:crypto';
import type { Static, TSchema } from '@sinclair/typebox';
import { type TypeCheck, TypeCompiler } from '@sinclair/typebox/compiler';
import { TesseraError } from '../errors.js';
import type { Logger } from '../logger.js';
import { ClientMessage, type JoinMessage } from '../protocol/client-messages.js';
import { DataMessage } from '../protocol/data-messages.js';
import type { IceServer } from '../protocol/ice-server.js';
import { MAX_MESSAGE_BYTES } from '../protocol/limits.js';
import type { ParticipantState } from '../protocol/participants.js';
import type { RoomStatus } from '../protocol/room-status.js';
import type { ServerMessage } from '../protocol/server-messages.js';
import type { Grant, Role } from '../rooms/grant.js';
import type { WaitingInfo } from '../rooms/lobby.js';
import { cleanName, cleanRoomId } from '../rooms/names.js';
import { Participant } from '../rooms/participant.js';
import { participantInfo } from '../rooms/participant-info.js';
import type { EnterRequest, ParticipantListener, Room } from '../rooms/room.js';
import { layoutDescription } from './layout-description.js';
import { moderate } from './moderation.js';

/** How long a participant stays in the room without a socket. */
export const RESUME_MS = 15_000;
/** How often it is looked whether the client needs a new token. */
const RENEW_MS = 300_000;
/** Messages that may wait to be handled; a client that sends more at once is cut off. */
const MAX_PENDING = 128;

/** Application's close code (RFC 6455, 7.4.2): the client is not to connect again by itself. */
const FINAL_CLOSE = 4000;

const checker: TypeCheck<typeof ClientMessage> = TypeCompiler.Compile(ClientMessage);
const dataChecker: TypeCheck<typeof DataMessage> = TypeCompiler.Compile(DataMessage);

/** The socket as a session sees it. */
export interface SignallingSocket {
  send(text: string): void;
  close(code: number, reason: string): void;
}

/** To be used over HTTP; without a token where nobody needs one. */
export interface RecordingAccess {
  readonly token?: string;
  readonly reads: boolean;
  readonly writes: boolean;
}

export interface SessionDependencies {
  openRoom(id: string): Promise<Room>;
  endRoom(id: string): Promise<void>;
  /** What a role may do with the room's recordings. */
  recordingAccess(room: string, role: Role): Promise<RecordingAccess>;
  iceServers(participant: string): IceServer[];
  readonly sessions: Map<string, Session>;
  readonly logger: Logger;
}

/** Who came, as the upgrade of their socket showed. */
export interface Caller {
  readonly grant: Grant;
  /** The token is past its life: good for `resume` alone. */
  readonly expired: boolean;
  /** Whether the token was taken back since. */
  revoked(): boolean;
  /** A token to come back with after the one given; undefined while that one is good. */
  renew(): Promise<string | undefined>;
}

export class Session {
  private waitingId: string | undefined;
  private participant: Participant | undefined;
  private room: Room | undefined;
  private socket: SignallingSocket | undefined;
  private expiry: NodeJS.Timeout | undefined;
  private renewal: NodeJS.Timeout | undefined;
  private queue: Promise<void> = Promise.resolve();
  private pending = 0;
  /** Set on the session that a `resume` came in on: its socket now belongs to the old session. */
  private successor: Session | undefined;
  /** As the client was told. */
  private cameraShown = '';
  private ended = false;

  constructor(
    socket: SignallingSocket,
    private readonly caller: Caller,
    private readonly dependencies: SessionDependencies,
  ) {
    this.socket = socket;
  }

  /** Whether nobody joined on it, nor waits to. */
  get idle(): boolean {
    return !this.participant && !this.waitingId && !this.successor;
  }

  /** Takes one text message; handled after those before it. Never throws. */
  receive(text: string): void {
    if (this.successor) {
      this.successor.receive(text);
      return;
    }
    if (this.pending >= MAX_PENDING) {
      this.fail(new TesseraError('too_many_messages', 'too many messages at once'));
      this.socket?.close(1008, 'too_many_messages');
      return;
    }
    this.pending++;
    this.queue = this.queue
      .then(() => this.handle(text))
      .catch((error: unknown) => this.fail(TesseraError.from(error)))
      .finally(() => {
        this.pending--;
      });
  }

  /** The socket is gone; the participant stays for RESUME_MS unless their media is dead too. */
  socketClosed(socket: SignallingSocket): void {
    if (this.successor) {
      this.successor.socketClosed(socket);
      return;
    }
    if (this.socket !== socket) return;
    this.socket = undefined;
    if (this.ended) return;
    if (!this.participant) {
      this.ended = true;
      if (this.waitingId) this.room?.stopWaiting(this.waitingId);
      return;
    }
    const since = Date.now();
    this.expiry = setInterval(() => {
      const dead = this.participant?.connectionState !== 'connected';
      if (dead || Date.now() - since >= RESUME_MS) this.end();
    }, 250);
  }

  /** Tells the client that the server will end within so many seconds. */
  tellDraining(seconds: number): void {
    const message = `The server is being restarted, within ${seconds} s. You will be back by yourself.`;
    this.send({ type: 'notice', code: 'draining', message, seconds });
  }

  /** Takes the participant out of the room. */
  end(): void {
    if (this.ended) return;
    this.ended = true;
    clearInterval(this.expiry);
    clearInterval(this.renewal);
    if (!this.participant) return;
    this.dependencies.sessions.delete(this.participant.id);
    this.room?.leave(this.participant.id).catch((error: unknown) => {
      this.dependencies.logger.error({ error }, 'leaving failed');
    });
  }

  private send(message: ServerMessage): void {
    this.socket?.send(JSON.stringify(message));
  }

  private fail(
    error: TesseraError,
    send: (answer: ServerMessage) => void = (answer) => this.send(answer),
  ): void {
    if (error.code === 'internal') {
      this.dependencies.logger.error({ error, cause: error.cause }, 'signalling failed');
    }
    const { code, message, next, retryAfterSeconds } = error;
    send({
      type: 'error',
      code,
      message,
      ...(next === undefined ? {} : { next }),
      ...(retryAfterSeconds === undefined ? {} : { retryAfterSeconds }),
    });
  }

  private async handle(text: string): Promise<void> {
    if (this.successor) {
      this.successor.receive(text);
      return;
    }
    if (this.ended) return;
    const message = parse(text, checker);
    if (message.type === 'join') return this.join(message);
    if (message.type === 'leave') {
      this.leave();
      return;
    }
    if (message.type === 'resume') return this.resume(message.participant, message.token);
    const { participant } = this;
    if (!participant) {
      throw new TesseraError('out_of_order', `${message.type} came before join`, {
        next: 'Send join or resume first.',
      });
    }
    switch (message.type) {
      case 'offer':
        this.send({ type: 'answer', sdp: await participant.negotiate(message.sdp) });
        break;
      case 'candidate':
        participant.addCandidate(message.candidate);
        break;
      case 'mute':
        participant.setMuted(message);
        break;
      case 'receive':
        participant.setReceiveLimits(message);
        break;
      case 'recordings':
        await this.tellRecordings(participant);
        break;
      case 'chat':
      case 'message':
        this.write(message);
        break;
      case 'moderate':
        if (participant.role !== 'host') {
          throw new TesseraError('forbidden', 'only hosts may do that');
        }
        if (!this.room) break;
        if (message.action === 'end') await this.dependencies.endRoom(this.room.id);
        else moderate(this.room, message);
        break;
    }
  }

  private leave(): void {
    const { socket } = this;
    if (this.participant) this.end();
    else if (this.waitingId) {
      this.room?.stopWaiting(this.waitingId);
      this.ended = true;
    }
    socket?.close(1000, 'left');
  }

  private async join(message: JoinMessage): Promise<void> {
    if (this.participant || this.waitingId) {
      throw new TesseraError('out_of_order', 'this session has joined already');
    }
    const { grant, expired } = this.caller;
    if (expired) {
      throw new TesseraError('token_expired', 'the token has expired', { next: 'Get a new one.' });
    }
    const id = cleanRoomId(message.room);
    if (grant.room !== undefined && grant.room !== id) {
      throw new TesseraError('forbidden', 'the token is for another room');
    }
    if (this.caller.revoked()) {
      throw new TesseraError('removed', 'a host removed you from the room');
    }
    const name = cleanName(grant.name ?? message.name ?? '');
    const room = await this.dependencies.openRoom(id);
    if (!this.socket) return;
    this.room = room;
    const { viewer = false, previous } = message;
    const request: EnterRequest = { name, grant, viewer, previous, listener: this.listener() };
    const entered = room.enter(request);
    if (entered instanceof Participant) this.joined(entered);
    else {
      this.waitingId = entered.id;
      this.send({ type: 'waiting', room: id });
    }
  }

  private joined(participant: Participant): void {
    this.waitingId = undefined;
    this.participant = participant;
    this.dependencies.sessions.set(participant.id, this);
    this.welcome(false);
    this.keepTokenFresh();
  }

  private async renewToken(): Promise<void> {
    const token = await this.caller.renew();
    if (token !== undefined) this.send({ type: 'token', token });
  }

  private keepTokenFresh(): void {
    const renew = () =>
      this.renewToken().catch((error: unknown) =>
        this.dependencies.logger.error({ error }, 'renewing a token failed'),
      );
    this.renewal = setInterval(renew, RENEW_MS);
    renew();
  }

  /** Somebody else ended it: told why, and not to come back by itself. */
  private closedBy(reason: TesseraError): void {
    const { socket } = this;
    this.fail(reason);
    this.waitingId = undefined;
    this.end();
    this.ended = true;
    // The server's own end is no reason to stay away.
    socket?.close(reason.code === 'shutting_down' ? 1001 : FINAL_CLOSE, reason.code);
  }

  private resume(id: string, token: string): void {
    const session = this.dependencies.sessions.get(id);
    const expected = Buffer.from(session?.participant?.resumeToken ?? '');
    const given = Buffer.from(token);
    const matches = expected.length === given.length && timingSafeEqual(expected, given);
    if (this.participant || !session || !matches || !this.socket) {
      throw new TesseraError('resume_failed', 'there is no such session to resume', {
        next: 'Join again.',
      });
    }
    const { socket } = this;
    this.socket = undefined;
    this.successor = session;
    session.takeSocket(socket);
  }

  private takeSocket(socket: SignallingSocket): void {
    this.socket?.close(1000, 'resumed elsewhere');
    if (this.expiry) clearInterval(this.expiry);
    this.expiry = undefined;
    this.socket = socket;
    this.welcome(true);
  }

  private welcome(resumed: boolean): void {
    const { room, participant } = this;
    if (!room || !participant) return;
    this.send({
      type: 'welcome',
      participant: participant.id,
      token: participant.resumeToken,
      resumed,
      room: {
        id: room.id,
        ...stateOf(room),
        layout: layoutDescription(room.layout),
        participants: participantsFor(participant, room),
      },
      iceServers: this.dependencies.iceServers(participant.id),
      renditions: [...room.renditions],
    });
    if (room.chatHistory.length > 0) {
      this.send({ type: 'history', messages: [...room.chatHistory] });
    }
    if (participant.role === 'host') this.sendLobby(room.waiting);
  }

  private write(message: DataMessage): void {
    const { room, participant } = this;
    if (!room || !participant) return;
    if (message.type === 'chat') room.write(participant.id, message.text);
    else room.sendMessage(participant.id, message.topic, message.data, message.to);
  }

  /** What came over the data channel; faults are told over it too. */
  private receiveData(text: string): void {
    try {
      this.write(parse(text, dataChecker));
    } catch (error) {
      this.fail(TesseraError.from(error), (answer) => this.sendData(answer));
    }
  }

  /** Over the data channel, or over the socket while there is none. */
  private sendData(message: ServerMessage): void {
    if (!this.participant?.sendData(JSON.stringify(message))) this.send(message);
  }

  private async tellRecordings({ role }: Participant): Promise<void> {
    if (!this.room) return;
    const access = await this.dependencies.recordingAccess(this.room.id, role);
    this.send({ type: 'recordings', ...access });
  }

  private sendLobby(waiting: readonly WaitingInfo[]): void {
    this.send({ type: 'lobby', waiting: waiting.map(({ id, name }) => ({ id, name })) });
  }

  /** A browser need not send larger simulcast layers than are looked at. */
  private tellCameraShown({ width, height }: { width: number; height: number }): void {
    const size = `${width}x${height}`;
    if (size === this.cameraShown) return;
    this.cameraShown = size;
    this.send({ type: 'cameraShown', width, height });
  }

  private listener(): ParticipantListener {
    return {
      onJoined: (participant) => this.send({ type: 'joined', participant }),
      onLeft: (participant) => this.send({ type: 'left', participant }),
      onChanged: (participant) => this.send({ type: 'changed', participant }),
      onSpeaking: (participants) =>
        this.send({ type: 'speaking', participants: [...participants] }),
      onDominant: (id) =>
        this.send({ type: 'dominant', ...(id === undefined ? {} : { participant: id }) }),
      onLayout: (layout, timestamp) =>
        this.sendData({
          type: 'layout',
          layout: layoutDescription(layout),
          ...(timestamp === undefined ? {} : { timestamp }),
        }),
      onError: (error) => this.fail(error),
      onCandidate: (candidate) => this.send({ type: 'candidate', candidate }),
      onConnectionState: (state) => this.send({ type: 'connection', state }),
      onCameraShown: (size) => this.tellCameraShown(size),
      onRendition: (rendition) => this.send({ type: 'rendition', rendition }),
      onRoomChanged: () => {
        if (this.room) this.send({ type: 'room', room: stateOf(this.room) });
      },
      onLobby: (waiting) => this.sendLobby(waiting),
      onMuted: (state) => this.send({ type: 'muted', ...state }),
      onUnmuteAsked: (state) => this.send({ type: 'unmuteAsked', ...state }),
      onData: (text) => this.receiveData(text),
      onChat: (message) => this.sendData({ type: 'chat', message }),
      onAppMessage: (message) => this.sendData({ type: 'message', ...message }),
      onAdmitted: (participant) => this.joined(participant),
      onClosed: (reason) => this.closedBy(reason),
    };
  }
}

function stateOf({ settings: { locked, lobby }, egress }: Room): RoomStatus {
  return { locked, lobby, ...egress };
}

/** Hidden ones see themselves. */
function participantsFor(own: Participant, room: Room): ParticipantState[] {
  const others = room.visibleParticipants;
  return own.grant.hidden ? [...others, participantInfo(own)] : [...others];
}

/** @throws TesseraError `bad_message`. */
function parse<T extends TSchema>(text: string, schema: TypeCheck<T>): Static<T> {
  if (text.length > MAX_MESSAGE_BYTES)
    throw new TesseraError('message_too_large', 'message too large');
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw new TesseraError('bad_message', 'the message is no JSON', { cause: error });
  }
  if (schema.Check(value)) return value;
  const { type = '?' } = (value ?? {}) as { type?: unknown };
  throw new TesseraError('bad_message', `not a valid message (type ${String(type).slice(0, 32)})`, {
    next: 'See docs/protocol.md for the messages and their fields.',
  });
}
