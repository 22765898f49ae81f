/**
 * One client's signalling. It handles messages in order, and outlives its socket for a while, so that
 * a client whose network changed continues where it was.
 */
import { timingSafeEqual } from 'node:crypto';
import { TesseraError } from '../errors.js';
import type { Logger } from '../logger.js';
import type { ClientMessage, JoinMessage } from '../protocol/client-messages.js';
import { SERVER_DATA_MESSAGES } from '../protocol/data-messages.js';
import type { MessageOf } from '../protocol/handlers.js';
import type { IceServer } from '../protocol/ice-server.js';
import { FINAL_CLOSE } from '../protocol/limits.js';
import type { Role } from '../protocol/participants.js';
import type { ServerMessage } from '../protocol/server-messages.js';
import type { Caller, RecordingAccess } from '../rooms/caller.js';
import type { Grant } from '../rooms/grant.js';
import { cleanName, cleanRoomId } from '../rooms/names.js';
import type { Participant } from '../rooms/participant.js';
import type { Room } from '../rooms/room.js';
import type { Update } from '../rooms/room-update.js';
import { type HandlerContext, handle, type Seat, write } from './handlers.js';
import { MessageQueue } from './message-queue.js';
import { parseClientMessage, parseDataMessage } from './parse-message.js';
import { TokenRenewal } from './token-renewal.js';
import { errorMessage, messageOf, welcomeMessages } from './wire.js';

/** How long a participant stays in the room without a socket. */
export const RESUME_MS = 15_000;
const EXPIRY_CHECK_MS = 250;

const OVER_DATA_CHANNEL: ReadonlySet<ServerMessage['type']> = new Set(SERVER_DATA_MESSAGES);

/** The socket as a session sees it. */
export interface SignallingSocket {
  /** Our address to which it was opened; undefined behind a proxy. */
  readonly reachedAt?: string | undefined;
  send(text: string): void;
  close(code: number, reason: string): void;
}

export interface SessionDependencies {
  openRoom(id: string): Promise<Room>;
  endRoom(id: string): Promise<void>;
  /** What a role may do with the room's recordings. */
  recordingAccess(room: string, role: Role, grant: Grant): Promise<RecordingAccess>;
  iceServers(participant: string): IceServer[];
  /** By the ids of their participants. */
  readonly sessions: Map<string, Session>;
  readonly logger: Logger;
}

export class Session implements HandlerContext {
  private socket: SignallingSocket | undefined;
  private room: Room | undefined;
  private participant: Participant | undefined;
  private waitingId: string | undefined;
  private expiry: NodeJS.Timeout | undefined;
  /** After a `resume` on this session: the earlier session, which now has the socket. */
  private successor: Session | undefined;
  private ended = false;
  private readonly queue = new MessageQueue((error) => this.fail(TesseraError.from(error)));
  private readonly renewal: TokenRenewal;

  constructor(
    socket: SignallingSocket,
    private readonly caller: Caller,
    readonly dependencies: SessionDependencies,
  ) {
    this.socket = socket;
    this.renewal = new TokenRenewal(() => caller.renew(), {
      onToken: (token) => this.send({ type: 'token', token }),
      onError: (error) => dependencies.logger.error({ error }, 'renewing a token failed'),
    });
  }

  /** Nobody has joined on it, and nobody waits to. */
  get idle(): boolean {
    return !this.participant && !this.waitingId && !this.successor;
  }

  /** Takes one text message; it is handled after those before it. Never throws. */
  receive(text: string): void {
    if (this.successor) {
      this.successor.receive(text);
      return;
    }
    if (this.queue.push(() => this.handle(text))) return;
    this.fail(new TesseraError('too_many_messages', 'too many messages at once'));
    this.socket?.close(1008, 'too_many_messages');
  }

  /** The participant stays for RESUME_MS, or until their media connection is lost too. */
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
      this.stopWaiting();
      return;
    }
    const since = Date.now();
    this.expiry = setInterval(() => {
      const connected = this.participant?.connectionState === 'connected';
      if (!connected || Date.now() - since >= RESUME_MS) this.end();
    }, EXPIRY_CHECK_MS);
  }

  /** Announces that the server will end within `seconds`. */
  tellDraining(seconds: number): void {
    const message = `The server restarts within ${seconds} s. You will be back without doing anything.`;
    this.send({ type: 'notice', code: 'draining', message, seconds });
  }

  /** Takes the participant out of the room. */
  end(): void {
    if (this.ended) return;
    this.ended = true;
    clearInterval(this.expiry);
    this.renewal.stop();
    if (!this.participant) return;
    const { sessions, logger } = this.dependencies;
    sessions.delete(this.participant.id);
    this.room
      ?.leave(this.participant.id)
      .catch((error: unknown) => logger.error({ error }, 'leaving failed'));
  }

  get reachedAt(): string | undefined {
    return this.socket?.reachedAt;
  }

  send(message: ServerMessage): void {
    this.socket?.send(JSON.stringify(message));
  }

  seat(): Seat {
    const { room, participant } = this;
    if (room && participant) return { room, participant };
    throw new TesseraError('out_of_order', 'the message came before join', {
      next: 'Send join or resume first.',
    });
  }

  async join(message: JoinMessage): Promise<void> {
    if (this.participant || this.waitingId) {
      throw new TesseraError('out_of_order', 'this session has joined already');
    }
    const { grant } = this.caller;
    const id = cleanRoomId(message.room);
    this.checkCaller(id);
    const name = cleanName(grant.name ?? message.name ?? '');
    const room = await this.dependencies.openRoom(id);
    if (!this.socket) return;
    this.room = room;
    const { viewer = false, previous } = message;
    const listener = (update: Update) => this.onUpdate(update);
    const entrance = room.enter({ name, grant, viewer, previous, listener });
    if (entrance.state === 'joined') {
      this.joined(entrance.participant);
      return;
    }
    this.waitingId = entrance.waiting.id;
    this.send({ type: 'waiting', room: id });
  }

  /** Continues an earlier session on the socket of this one. */
  resume({ participant, token }: MessageOf<ClientMessage, 'resume'>): void {
    const session = this.dependencies.sessions.get(participant);
    const { socket } = this;
    if (this.participant || !socket || !session?.hasResumeToken(token, this.caller.grant)) {
      throw new TesseraError('resume_failed', 'there is no such session to resume', {
        next: 'Join again.',
      });
    }
    this.socket = undefined;
    this.successor = session;
    session.takeSocket(socket);
  }

  leave(): void {
    const { socket } = this;
    if (this.participant) this.end();
    else if (this.waitingId) {
      this.stopWaiting();
      this.ended = true;
    }
    socket?.close(1000, 'left');
  }

  private async handle(text: string): Promise<void> {
    if (this.successor) this.successor.receive(text);
    else if (!this.ended) await handle(this, parseClientMessage(text));
  }

  /** @throws TesseraError `token_expired`, `forbidden`, `removed`. */
  private checkCaller(room: string): void {
    const { grant, expired } = this.caller;
    if (expired) {
      throw new TesseraError('token_expired', 'the token has expired', { next: 'Get a new one.' });
    }
    if (grant.room !== undefined && grant.room !== room) {
      throw new TesseraError('forbidden', 'the token is for another room');
    }
    if (this.caller.revoked()) {
      throw new TesseraError('removed', 'a host removed you from the room');
    }
  }

  private joined(participant: Participant): void {
    this.waitingId = undefined;
    this.participant = participant;
    this.dependencies.sessions.set(participant.id, this);
    this.welcome(false);
    this.renewal.start();
  }

  /** Whether the token is right, and given by the person and for the room that it is for. */
  private hasResumeToken(token: string, { identity, tokenDigest, room }: Grant): boolean {
    const own = this.caller.grant;
    const isSame =
      own.identity === undefined ? tokenDigest === own.tokenDigest : identity === own.identity;
    if (!isSame || (room !== undefined && room !== this.room?.id)) return false;
    const expected = Buffer.from(this.participant?.resumeToken ?? '');
    const given = Buffer.from(token);
    return expected.length === given.length && timingSafeEqual(expected, given);
  }

  private takeSocket(socket: SignallingSocket): void {
    this.socket?.close(1000, 'resumed elsewhere');
    clearInterval(this.expiry);
    this.expiry = undefined;
    this.socket = socket;
    this.welcome(true);
  }

  private welcome(resumed: boolean): void {
    const { room, participant } = this.seat();
    const iceServers = this.dependencies.iceServers(participant.id);
    for (const message of welcomeMessages(room, participant, { resumed, iceServers })) {
      this.send(message);
    }
  }

  private stopWaiting(): void {
    if (this.waitingId) this.room?.membership.stopWaiting(this.waitingId);
  }

  private onUpdate(update: Update): void {
    switch (update.type) {
      case 'admitted':
        if (this.room) this.joined(this.room.participant(update.participant));
        return;
      case 'closed':
        this.closedBy(update.reason);
        return;
      case 'data':
        this.receiveData(update.text);
        return;
      default: {
        const message = messageOf(update, this.seat());
        if (!message) return;
        if (OVER_DATA_CHANNEL.has(message.type)) this.sendData(message);
        else this.send(message);
      }
    }
  }

  /** The room, a host or another session of the same person ended this one. */
  private closedBy(reason: TesseraError): void {
    const { socket } = this;
    this.fail(reason);
    this.waitingId = undefined;
    this.end();
    this.ended = true;
    // When the server ends, clients come back by themselves.
    socket?.close(reason.code === 'shutting_down' ? 1001 : FINAL_CLOSE, reason.code);
  }

  /** Takes a message of the data channel; its errors are answered there too. */
  private receiveData(text: string): void {
    try {
      write(this.seat(), parseDataMessage(text));
    } catch (error) {
      this.fail(TesseraError.from(error), (answer) => this.sendData(answer));
    }
  }

  /** Over the data channel, or over the socket while there is none. */
  private sendData(message: ServerMessage): void {
    if (!this.participant?.connection.sendData(JSON.stringify(message))) this.send(message);
  }

  private fail(
    error: TesseraError,
    send: (answer: ServerMessage) => void = (answer) => this.send(answer),
  ): void {
    if (error.code === 'internal') {
      this.dependencies.logger.error({ error, cause: error.cause }, 'signalling failed');
    }
    send(errorMessage(error));
  }
}
