/**
 * A participant who came by WHIP (RFC 9725) or WHEP, without a socket. The session ends with its media
 * connection, with `end()`, or when the room ends it. In each case the participant leaves the room and
 * `onEnded` is called once.
 */
import { randomBytes } from 'node:crypto';
import { TesseraError } from '../errors.js';
import type { Logger } from '../logger.js';
import { type IceCredentials, parseSdpFragment } from '../peer/sdp-fragment.js';
import type { Grant } from '../rooms/grant.js';
import type { MediaConnection } from '../rooms/media-connection.js';
import type { Participant } from '../rooms/participant.js';
import type { ReceiveLimits } from '../rooms/receive-limits.js';
import { refusedMediaError } from '../rooms/refused-media.js';
import type { Room } from '../rooms/room.js';
import type { Update } from '../rooms/room-update.js';

/** Time in which an interrupted connection may come back, by an ICE restart for example. */
const INTERRUPTED_MS = 15_000;

export interface HttpSessionOptions {
  readonly room: Room;
  readonly name: string;
  readonly grant: Grant;
  /** WHIP sends, WHEP receives. */
  readonly kind: 'whip' | 'whep';
  readonly limits: ReceiveLimits;
  readonly logger: Logger;
  onEnded(session: HttpSession): void;
}

export class HttpSession {
  /** Part of the session's URL; it cannot be guessed. */
  readonly id = randomBytes(18).toString('base64url');
  /** Number of the ICE session. */
  private generation = 1;
  private participant: Participant | undefined;
  private interrupted: NodeJS.Timeout | undefined;
  private ended = false;

  constructor(private readonly options: HttpSessionOptions) {}

  get kind(): 'whip' | 'whep' {
    return this.options.kind;
  }

  get roomId(): string {
    return this.options.room.id;
  }

  /** Changes with each restart of ICE. */
  get etag(): string {
    return `"${this.id.slice(0, 8)}-${this.generation}"`;
  }

  /**
   * Enters the room and negotiates.
   * @param reachedAt our address to which the request came; undefined behind a proxy.
   * @returns the SDP answer, with all candidates.
   * @throws TesseraError as joining and negotiating do; `unsupported_media` if the offer has nothing
   *   to send (WHIP) or to receive (WHEP).
   */
  async start(offer: string, reachedAt?: string): Promise<string> {
    try {
      const participant = this.enter();
      participant.media.setReceiveLimits(this.options.limits);
      const answer = await participant.connection.negotiate(offer, {
        allCandidates: true,
        reachedAt,
        only: this.options.kind === 'whip' ? 'sends' : 'receives',
      });
      this.checkUses(participant.connection);
      return answer;
    } catch (error) {
      this.end();
      throw error;
    }
  }

  /** Candidates of the client (RFC 9725, 4.3.2). @throws TesseraError `bad_sdp`, `bad_candidate`. */
  trickle(fragment: string): void {
    const { candidates } = parseSdpFragment(fragment);
    for (const candidate of candidates) this.participant?.connection.addCandidate(candidate);
  }

  /** Whether a fragment asks for a restart of ICE (RFC 9725, 4.3.3). */
  restarts(fragment: string): boolean {
    const { credentials } = parseSdpFragment(fragment);
    const current = this.participant?.connection.remoteUsernameFragment;
    return credentials !== undefined && credentials.usernameFragment !== current;
  }

  /** Restarts ICE. @returns the server's fragment. @throws TesseraError `session_not_found`. */
  async restart(fragment: string): Promise<string> {
    const { credentials, candidates } = parseSdpFragment(fragment);
    if (!this.participant || this.ended) throw sessionNotFound();
    const answer = await this.participant.connection.restartIce(
      credentials as IceCredentials,
      candidates,
    );
    this.generation++;
    return answer;
  }

  /** Takes the participant out of the room. */
  end(): void {
    if (this.ended) return;
    this.ended = true;
    clearTimeout(this.interrupted);
    const { room, logger } = this.options;
    if (this.participant) {
      room.leave(this.participant.id).catch((error: unknown) => {
        logger.error({ error }, 'leaving failed');
      });
    }
    this.options.onEnded(this);
  }

  private enter(): Participant {
    const { room, name, grant, kind } = this.options;
    const entrance = room.enter({
      name,
      grant,
      viewer: kind === 'whep',
      previous: undefined,
      listener: (update) => this.onUpdate(update),
    });
    if (entrance.state === 'joined') {
      this.participant = entrance.participant;
      return entrance.participant;
    }
    room.membership.stopWaiting(entrance.waiting.id);
    throw new TesseraError('not_admitted', 'the room has a lobby, and HTTP clients cannot wait', {
      next: 'Give the token the role of a host, or open the lobby.',
    });
  }

  /** All that an encoder sends must be taken: a partial answer is no success (RFC 9725, 4.2). */
  private checkUses({ uses, refused }: MediaConnection): void {
    const isWhip = this.options.kind === 'whip';
    const isUsed = isWhip
      ? uses.has('mic') || uses.has('camera')
      : uses.has('mix-audio') || uses.has('mix-video');
    if (isUsed && (!isWhip || refused.length === 0)) return;
    if (isWhip) throw refusedMediaError(refused);
    throw new TesseraError(
      'unsupported_media',
      'the offer receives neither Opus nor a codec of the composite',
      { next: 'Offer Opus, and VP8 or H.264 (packetization-mode 1).' },
    );
  }

  /** There is no socket to send updates over: only the end of the connection matters. */
  private onUpdate(update: Update): void {
    if (update.type === 'closed') this.end();
    if (update.type === 'error' && update.error.code === 'video_too_large') {
      // An encoder does not send less by itself, and nobody would see why there is no picture.
      this.options.logger.info({ reason: update.error.message }, 'WHIP session ended');
      this.end();
    }
    if (update.type !== 'connection') return;
    clearTimeout(this.interrupted);
    if (update.state === 'failed') this.end();
    if (update.state === 'interrupted') {
      this.interrupted = setTimeout(() => this.end(), INTERRUPTED_MS);
    }
  }
}

export function sessionNotFound(): TesseraError {
  return new TesseraError('session_not_found', 'there is no such session', {
    next: 'It may have ended: POST a new offer.',
  });
}
