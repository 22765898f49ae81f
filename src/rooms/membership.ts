/** Who is in a room and who waits to come in: entering, the lobby, leaving, and coming back. */
import { TesseraError } from '../errors.js';
import type { Logger } from '../logger.js';
import type { Grant } from './grant.js';
import { Lobby, type WaitingInfo } from './lobby.js';
import { type Described, participantInfo } from './participant-info.js';
import { ResumeDigests } from './resume-digests.js';
import type { RoomSettings } from './room-settings.js';
import type { MemberListener, UpdateBus } from './update-bus.js';

/** A participant, as far as membership needs it. */
export interface Member extends Described {
  readonly grant: Grant;
  readonly resumeToken: string;
  close(): Promise<void>;
}

export interface EnterRequest {
  readonly name: string;
  readonly grant: Grant;
  /** They came to watch, whatever their token allows. */
  readonly viewer: boolean;
  /** Resume token of an earlier participation that was lost. */
  readonly previous: string | undefined;
  /** Gets the room's updates from the time they are in, and their own from now on. */
  readonly listener: MemberListener;
}

/** Who waits gets the update `admitted` or `closed` when a host has decided. */
export type Entrance<M> =
  | { readonly state: 'joined'; readonly participant: M }
  | { readonly state: 'waiting'; readonly waiting: WaitingInfo };

export interface MembershipOptions<M extends Member> {
  readonly updates: UpdateBus;
  readonly logger: Logger;
  settings(): Pick<RoomSettings, 'locked' | 'lobby' | 'maxParticipants'>;
  /** @throws TesseraError `server_busy` when there is no CPU for one more. */
  admit(kind: 'sender' | 'viewer'): void;
  create(request: EnterRequest): M;
  /** Called before the update `joined`. */
  onJoined(member: M): void;
  /** Called before the update `left`, when they are no longer among the members. */
  onLeft(member: M): void;
}

function kindOf({ viewer, grant }: EnterRequest): 'sender' | 'viewer' {
  return viewer || grant.role === 'viewer' ? 'viewer' : 'sender';
}

function replaced(): TesseraError {
  return new TesseraError('replaced', 'you joined again from elsewhere');
}

/** What updates say of a participant. */
export function describe(member: Member) {
  return { participant: participantInfo(member), hidden: member.grant.hidden };
}

export class Membership<M extends Member> {
  private readonly members = new Map<string, M>();
  private readonly unfollow = new Map<string, () => void>();
  private readonly lobby = new Lobby<EnterRequest>();
  private readonly returning: ResumeDigests;
  private closed = false;

  constructor(
    private readonly options: MembershipOptions<M>,
    returning: readonly string[] = [],
  ) {
    this.returning = new ResumeDigests(returning);
  }

  get size(): number {
    return this.members.size;
  }

  /** In order of joining. */
  get all(): readonly M[] {
    return [...this.members.values()];
  }

  get waiting(): readonly WaitingInfo[] {
    return this.lobby.list;
  }

  /** Somebody is in the room, or waits. */
  get inUse(): boolean {
    return this.members.size > 0 || this.lobby.size > 0;
  }

  /** Digests of the resume tokens of those who may come back. */
  get returningDigests(): readonly string[] {
    return this.returning.list;
  }

  has(id: string): boolean {
    return this.members.has(id);
  }

  /** @throws TesseraError `participant_not_found`. */
  find(id: string): M {
    const member = this.members.get(id);
    if (!member) throw new TesseraError('participant_not_found', 'there is no such participant');
    return member;
  }

  /**
   * Lets somebody in, or into the lobby.
   * @throws TesseraError `room_locked`, `room_full`, `server_busy`, `shutting_down`.
   */
  enter(request: EnterRequest): Entrance<M> {
    if (this.closed) throw new TesseraError('shutting_down', 'the room is closing');
    const { grant, previous } = request;
    const { locked, lobby, maxParticipants } = this.options.settings();
    const twin = this.twinOf(grant);
    const comesBack =
      twin !== undefined || (previous !== undefined && this.returning.has(previous, grant));
    const known = grant.role === 'host' || comesBack;
    if (locked && !known) {
      throw new TesseraError('room_locked', 'the room is locked', {
        next: 'Ask a host to open it.',
      });
    }
    const waits = lobby && !known;
    const full = this.members.size >= maxParticipants && !twin;
    if (full || (waits && this.lobby.size >= maxParticipants)) {
      throw new TesseraError('room_full', `the room has ${maxParticipants} participants`, {
        next: 'Try again later, or raise room.maxParticipants.',
      });
    }
    if (waits) return { state: 'waiting', waiting: this.wait(request) };
    // Who comes back costs as much as a moment ago.
    if (!comesBack) this.options.admit(kindOf(request));
    return { state: 'joined', participant: this.join(request) };
  }

  /** Lets in somebody who waits. @throws TesseraError `participant_not_found`, `server_busy`. */
  admit(waitingId: string): void {
    const request = this.lobby.find(waitingId)?.request;
    if (request) this.options.admit(kindOf(request));
    const { id } = this.join(this.takeWaiting(waitingId));
    this.options.updates.tell(waitingId, { type: 'admitted', participant: id });
    this.options.updates.detach(waitingId);
  }

  /** Lets in all who wait, while there is space; the others go on waiting. */
  admitAll(): void {
    try {
      for (const { id } of this.lobby.list) {
        if (this.members.size < this.options.settings().maxParticipants) this.admit(id);
      }
    } catch (error) {
      this.options.logger.warn({ error }, 'not everybody who waits could be let in');
    }
  }

  /** Sends away somebody who waits. @throws TesseraError `participant_not_found`. */
  deny(waitingId: string): void {
    this.turnAway(waitingId, new TesseraError('not_admitted', 'the host did not let you in'));
    this.announceEmpty();
  }

  /** Sends away all who may be here no more. @param endOf says why; undefined lets them stay. */
  dismissEnded(endOf: (grant: Grant) => TesseraError | undefined): void {
    for (const { id, grant } of this.all) {
      const reason = endOf(grant);
      if (reason) this.dismiss(id, reason);
    }
    for (const { id } of this.lobby.list) {
      const grant = this.lobby.find(id)?.request.grant;
      const reason = grant && endOf(grant);
      if (reason) this.turnAway(id, reason);
    }
  }

  /** Somebody who waits gave up. */
  stopWaiting(waitingId: string): void {
    if (!this.lobby.take(waitingId)) return;
    this.options.updates.detach(waitingId);
    this.announceLobby();
    this.announceEmpty();
  }

  /** Ends a participation from the server's side. */
  dismiss(id: string, reason: TesseraError): void {
    this.options.updates.tell(id, { type: 'closed', reason });
    this.leave(id).catch((error: unknown) =>
      this.options.logger.error({ error }, 'a participant could not be closed'),
    );
  }

  /** They cannot come back with their resume token. */
  forbidReturn({ resumeToken, grant }: M): void {
    this.returning.delete(resumeToken, grant);
  }

  /** Resolves when their connection is closed; the others learn of it at once. */
  async leave(id: string): Promise<void> {
    const member = this.members.get(id);
    if (!member) return;
    this.members.delete(id);
    this.unfollow.get(id)?.();
    this.unfollow.delete(id);
    this.options.updates.detach(id);
    this.options.onLeft(member);
    this.options.logger.info({ participant: id, size: this.size }, 'participant left');
    this.options.updates.publish({ type: 'left', ...describe(member) });
    this.announceEmpty();
    await member.close();
  }

  /** Sends a host the list of those who wait. */
  tellLobby(hostId: string): void {
    this.options.updates.tell(hostId, { type: 'lobby', waiting: this.waiting });
  }

  /** Ends all participations; nobody enters any more. */
  async close(reason: TesseraError): Promise<void> {
    this.closed = true;
    for (const { id } of this.lobby.list) this.turnAway(id, reason);
    const ids = [...this.members.keys()];
    for (const id of ids) this.options.updates.tell(id, { type: 'closed', reason });
    await Promise.all(ids.map((id) => this.leave(id)));
  }

  private join(request: EnterRequest): M {
    const { updates, logger } = this.options;
    const twin = this.twinOf(request.grant);
    if (twin) this.dismiss(twin.id, replaced());
    const member = this.options.create(request);
    const { id, identity, role } = member;
    this.members.set(id, member);
    this.returning.add(member.resumeToken, member.grant);
    updates.attach(id, request.listener);
    this.options.onJoined(member);
    logger.info({ participant: id, identity, role, size: this.size }, 'participant joined');
    updates.publish({ type: 'joined', ...describe(member) });
    // They learn from their welcome who is in the room, so not from this update.
    this.unfollow.set(id, updates.follow(request.listener));
    return member;
  }

  private wait(request: EnterRequest): WaitingInfo {
    const { updates, logger } = this.options;
    const { grant, name, listener } = request;
    const { identity = '' } = grant;
    const earlier = this.lobby.list.find((one) => identity !== '' && one.identity === identity);
    if (earlier) this.turnAway(earlier.id, replaced());
    const waiting = this.lobby.add(name, identity, request);
    updates.attach(waiting.id, listener);
    logger.info({ waiting: waiting.id }, 'somebody waits in the lobby');
    this.announceLobby();
    updates.publish({ type: 'waiting', waiting });
    return waiting;
  }

  private twinOf({ identity }: Grant): M | undefined {
    return this.all.find((one) => identity !== undefined && one.identity === identity);
  }

  private takeWaiting(id: string): EnterRequest {
    const waiting = this.lobby.take(id);
    if (!waiting) throw new TesseraError('participant_not_found', 'nobody with that id waits');
    this.announceLobby();
    return waiting.request;
  }

  private turnAway(waitingId: string, reason: TesseraError): void {
    this.takeWaiting(waitingId);
    this.options.updates.tell(waitingId, { type: 'closed', reason });
    this.options.updates.detach(waitingId);
  }

  private announceLobby(): void {
    for (const { id, role } of this.all) if (role === 'host') this.tellLobby(id);
  }

  private announceEmpty(): void {
    if (!this.inUse) this.options.updates.publish({ type: 'empty' });
  }
}
