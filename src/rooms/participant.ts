/** One person or bot in a room: who they are, what they may do, and what they have switched on. */

import { randomBytes, randomUUID } from 'node:crypto';
import { TesseraError } from '../errors.js';
import type { SourceId } from '../link/link-messages.js';
import type { Logger } from '../logger.js';
import type { MediaTrouble, MissingMedia, Role } from '../protocol/participants.js';
import type { UplinkUse } from '../rtp/negotiated-media.js';
import type { Grant, PublishSource } from './grant.js';
import type { MediaConnection } from './media-connection.js';
import type { MediaTap } from './media-tap.js';
import type { ConnectionState } from './participant-info.js';
import {
  type MediaOwner,
  ParticipantMedia,
  type ParticipantMediaEvents,
  type ParticipantMediaOptions,
} from './participant-media.js';
import type { ParticipantOutput } from './participant-output.js';
import type { ParticipantSnapshot } from './room-counters.js';
import type { RoomPipeline } from './room-pipeline.js';

export interface ParticipantOptions extends ParticipantMediaOptions {
  readonly name: string;
  readonly grant: Grant;
  /** They want to watch only, even if their grant allows more. */
  readonly viewer: boolean;
  readonly sourceId: SourceId;
  readonly screenSourceId: SourceId;
}

/** What is left out stays as it is. */
export interface MuteState {
  readonly mic?: boolean | undefined;
  readonly camera?: boolean | undefined;
  readonly screen?: boolean | undefined;
}

/** `onChanged`: something that others learn, or that the composite shows. */
export type ParticipantEvents = ParticipantMediaEvents;

export class Participant implements MediaOwner {
  readonly id = randomUUID();
  /** Proves that a resuming socket belongs to this participant. */
  readonly resumeToken = randomBytes(24).toString('base64url');
  /** As the maker of the token names them; without a token their own id. */
  readonly identity: string;
  readonly grant: Grant;
  /** In ms since 1970. */
  readonly joinedAt = Date.now();
  /** Grows with each change of name, role or gain. */
  version = 1;
  name: string;
  role: Role;
  /** Of camera and microphone. */
  readonly sourceId: SourceId;
  /** Of the screen that they share. */
  readonly screenSourceId: SourceId;
  /** Of their audio in the mix; 0 leaves it as it is. */
  gainDb = 0;
  micOn = true;
  cameraOn = true;
  screenOn = false;
  /** What is wrong with what they send; set by the room. */
  mediaTrouble: MediaTrouble | undefined;
  /** Name of the image that is shown while their camera is off. */
  avatar: string | undefined;
  readonly media: ParticipantMedia;
  /** A host who wants to watch only. */
  private readonly watchesOnly: boolean;

  constructor(
    options: ParticipantOptions,
    pipeline: RoomPipeline,
    private readonly events: ParticipantEvents,
    logger: Logger,
  ) {
    const { name, grant, viewer } = options;
    this.name = name;
    this.grant = grant;
    this.identity = grant.identity ?? this.id;
    this.role = viewer && grant.role === 'participant' ? 'viewer' : grant.role;
    this.watchesOnly = viewer;
    this.sourceId = options.sourceId;
    this.screenSourceId = options.screenSourceId;
    const ownLogger = logger.child({ participant: this.id });
    this.media = new ParticipantMedia(this, options, pipeline, events, ownLogger);
  }

  get connection(): MediaConnection {
    return this.media.connection;
  }

  get connectionState(): ConnectionState {
    return this.connection.state;
  }

  /** What is wrong with what they send, as far as their connection sees. */
  get connectionTrouble(): MediaTrouble | undefined {
    if (this.connection.refused.length > 0) return 'unsupported';
    return this.media.stalled.size > 0 ? 'no_keyframes' : undefined;
  }

  /** Undefined while they receive nothing. */
  get output(): ParticipantOutput | undefined {
    return this.media.output;
  }

  get canSubscribe(): boolean {
    return this.grant.canSubscribe;
  }

  /** Nothing that they send is decoded. */
  get viewer(): boolean {
    const { role, watchesOnly, grant } = this;
    return role === 'viewer' || (watchesOnly && role === 'host') || grant.sources.size === 0;
  }

  get micHeard(): boolean {
    return this.micOn && this.mayPublish('microphone');
  }

  /** Whether the composite has a tile for them. */
  get visible(): boolean {
    return !this.viewer && this.connectionState !== 'failed';
  }

  /** Whether their tile may show their camera. */
  get cameraShown(): boolean {
    return this.cameraOn && this.connection.uses.has('camera') && this.mayPublish('camera');
  }

  /** Whether the composite has a tile for their screen. */
  get sharesScreen(): boolean {
    const isSent = this.screenOn && this.connection.uses.has('screen');
    return this.visible && isSent && this.mayPublish('screen_share');
  }

  publishes(use: UplinkUse): boolean {
    if (use === 'screen' || use === 'screen-audio') return this.sharesScreen;
    return !this.viewer && this.mayPublish(use === 'mic' ? 'microphone' : 'camera');
  }

  /** @throws TesseraError `forbidden`. */
  setMuted(state: MuteState): void {
    if (state.screen && !this.mayPublish('screen_share')) {
      throw new TesseraError('forbidden', 'the token does not allow to share a screen');
    }
    this.micOn = state.mic ?? this.micOn;
    this.cameraOn = state.camera ?? this.cameraOn;
    this.screenOn = state.screen ?? this.screenOn;
    if (state.camera) this.connection.requestKeyframe('camera');
    if (state.screen) this.connection.requestKeyframe('screen');
    this.events.onChanged();
  }

  /** What they send is being captured for diagnosis. */
  get captured(): boolean {
    return this.connection.tap !== undefined;
  }

  /** What should flow and does not. */
  get missing(): readonly MissingMedia[] {
    return this.media.missing;
  }

  /** Their newest SDP offer. */
  get offerSdp(): string | undefined {
    return this.connection.offerSdp;
  }

  /** Lets something follow what they send, or ends that; everybody in the room learns it. */
  setTap(tap: MediaTap | undefined): void {
    this.connection.tap = tap;
    this.events.onChanged();
  }

  snapshot(): ParticipantSnapshot {
    return this.media.snapshot();
  }

  /** As {@link ParticipantMedia.liveCounters}. */
  liveCounters(): readonly Partial<ParticipantSnapshot>[] {
    return this.media.liveCounters();
  }

  /** Idempotent. */
  close(): Promise<void> {
    return this.media.close();
  }

  private mayPublish(source: PublishSource): boolean {
    return this.grant.sources.has(source);
  }
}
