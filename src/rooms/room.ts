/** One room: its settings, and the parts that hold who is in it and make its composite and audio. */
import { randomUUID } from 'node:crypto';
import { TesseraError } from '../errors.js';
import type {
  MixSettings,
  Rendition,
  SanitizedImage,
  SourceId,
  WatchedVideo,
} from '../link/link-messages.js';
import type { LoadStep } from '../link/load-steps.js';
import type { Logger } from '../logger.js';
import type { PeerTransportOptions } from '../peer/peer-transport.js';
import type { CompositeCodec } from '../protocol/codec-names.js';
import type { LayoutDescription } from '../protocol/layout.js';
import type { Role } from '../protocol/participants.js';
import { nowMicros } from '../util/clock.js';
import { type FrameLimit, type FrameSize, LARGEST_SIZE } from '../util/frame-size.js';
import type { Micros } from '../util/units.js';
import type { MeasuredRoom } from './admission.js';
import { Announcer } from './announcer.js';
import { RoomChat } from './chat.js';
import type { Grant } from './grant.js';
import { RoomImages } from './images.js';
import type { WaitingInfo } from './lobby.js';
import type { MediaOutput } from './media-output.js';
import type { ProcessSource } from './media-process-supervisor.js';
import { describe, type EnterRequest, type Entrance, Membership } from './membership.js';
import { Moderation } from './moderation.js';
import { Participant } from './participant.js';
import { type ParticipantInfo, participantInfo } from './participant-info.js';
import { sourcesOf } from './participant-sources.js';
import { renditionNames } from './receive-limits.js';
import { ownerOf, RoomLayoutControl } from './room-layout.js';
import { RoomPipeline } from './room-pipeline.js';
import { checkChange, type RoomSettings } from './room-settings.js';
import { SourceTroubles } from './source-troubles.js';
import { RoomTelemetry } from './telemetry.js';
import { UpdateBus } from './update-bus.js';
import { VideoSizeGate } from './video-size-gate.js';

export interface RoomOptions {
  readonly mix: MixSettings;
  readonly transport: PeerTransportOptions;
  /** Codecs that the composite can be encoded in, best first. */
  readonly videoCodecs: readonly CompositeCodec[];
  /** The largest video that clients may send; 3840x2160 if it is left out. */
  readonly maxInput?: FrameLimit;
  /** Ask clients not to send silence (Opus DTX). */
  readonly dtx: boolean;
}

export interface RoomDependencies {
  readonly pool: ProcessSource;
  readonly logger: Logger;
  /** @throws TesseraError `server_busy` when there is no CPU for one more. */
  admit(room: MeasuredRoom, kind: 'sender' | 'viewer', now: Micros): void;
  /** @returns false when there is no CPU to decode video of this size. Everything is taken without it. */
  admitVideo?(size: FrameSize, now: Micros): boolean;
  /** Takes back the token of somebody who was removed. */
  revoke(grant: Grant): void;
  /** Roles that hosts gave; without it they end with the participation. */
  readonly roles?: {
    keep(grant: Grant, from: Role, role: Role): void;
    roleOf(grant: Grant): Role;
  };
}

/** Where the composite goes besides to participants. */
export interface EgressState {
  readonly recording: 'off' | 'on' | 'paused';
  /** A live output runs. */
  readonly live: boolean;
}

/** What a room continues with after a restart of the server. */
export interface PreviousRoom {
  /** In ms since 1970. */
  readonly createdAt: number;
  /** Digests of the resume tokens of those who may come back. */
  readonly returning: readonly string[];
  readonly images: ReadonlyMap<string, SanitizedImage>;
}

export class Room {
  /** Differs between rooms that had the same name one after the other. */
  readonly sid = randomUUID();
  /** In ms since 1970. */
  readonly createdAt: number;
  /** Grows with each change of the settings. */
  version = 1;
  readonly updates: UpdateBus;
  readonly membership: Membership<Participant>;
  readonly moderation: Moderation<Participant>;
  readonly chat: RoomChat;
  readonly images: RoomImages;
  readonly telemetry: RoomTelemetry;
  private readonly pipeline: RoomPipeline;
  private readonly troubles: SourceTroubles<Participant>;
  private readonly arrangement: RoomLayoutControl;
  private readonly logger: Logger;
  private readonly ownRenditions: Rendition[] = [];
  private egressState: EgressState = { recording: 'off', live: false };
  private started: Promise<void> | undefined;
  private nextSourceId: SourceId = 1;
  /** Of the last change of load control. */
  private numLoadSteps = 0;
  private closed = false;

  constructor(
    readonly id: string,
    private current: RoomSettings,
    private readonly options: RoomOptions,
    private readonly dependencies: RoomDependencies,
    previous?: PreviousRoom,
  ) {
    const { logger, pool } = dependencies;
    this.logger = logger;
    this.createdAt = previous?.createdAt ?? Date.now();
    this.updates = new UpdateBus(logger);
    this.membership = this.createMembership(previous);
    const participants = () => this.participants;
    this.arrangement = new RoomLayoutControl(options.mix, {
      participants,
      settings: () => this.current,
      arrange: (layout) => this.pipeline.arrange(layout),
      onChanged: () => announcer.layout(),
    });
    const announcer = new Announcer(this.updates, participants, this.arrangement);
    this.pipeline = new RoomPipeline(options.mix, pool, logger, {
      onSpeaking: (sources) => announcer.speaking(sources),
      onDominant: (source) => announcer.dominant(source),
      onLayout: (tiles, ptsMicros) => announcer.placed(tiles, ptsMicros),
      onCorrupt: (source, media) => logger.debug({ source, media }, 'corrupt bitstream'),
      onFault: (report) => this.troubles.fault(report),
      onOverBudget: (sources) => this.troubles.overBudget(sources),
      onRecovered: (source) => this.troubles.recovered(source),
      onQuarantined: (sources) => this.troubles.quarantined(sources),
      onHeld: (source) => this.troubles.held(source),
      onRestarted: () => this.troubles.restarted(),
      onLoad: (steps) => this.followLoad(steps),
    });
    this.troubles = new SourceTroubles(participants, logger, {
      changed: (participant) => this.changed(participant),
      tell: ({ id }, error) => this.updates.tell(id, { type: 'error', error }),
    });
    this.telemetry = new RoomTelemetry(this.pipeline, participants, options.mix, this.updates);
    this.images = new RoomImages(
      this.updates,
      (name, data) => this.pipeline.setImage(name, data),
      previous?.images,
    );
    this.chat = new RoomChat(this.updates, this.membership);
    this.moderation = new Moderation(
      this.membership,
      this.updates,
      (participant) => this.changed(participant),
      dependencies.revoke,
      (grant, from, role) => dependencies.roles?.keep(grant, from, role),
    );
    this.pipeline.setOverlays(current.overlays);
    this.arrangement.arrange();
  }

  get settings(): RoomSettings {
    return this.current;
  }

  get egress(): EgressState {
    return this.egressState;
  }

  get layout(): LayoutDescription {
    return this.arrangement.description;
  }

  get mix(): MixSettings {
    return this.options.mix;
  }

  /** Codecs that the composite can be encoded in, best first. */
  get videoCodecs(): readonly CompositeCodec[] {
    return this.options.videoCodecs;
  }

  /** Names of what receivers may choose, best first. */
  get renditions(): readonly string[] {
    return renditionNames(this.options.mix);
  }

  get size(): number {
    return this.membership.size;
  }

  get participants(): readonly Participant[] {
    return this.membership.all;
  }

  get waiting(): readonly WaitingInfo[] {
    return this.membership.waiting;
  }

  /** What participants may know of each other. */
  get visibleParticipants(): readonly ParticipantInfo[] {
    return this.participants.filter(({ grant }) => !grant.hidden).map(participantInfo);
  }

  /** Starts the media process if there is none; resolves when the room is ready for media. */
  start(): Promise<void> {
    this.started ??= this.pipeline.start().catch((error: unknown) => {
      this.started = undefined;
      throw error;
    });
    return this.started;
  }

  /** As {@link Membership.enter}. */
  enter({ grant, ...request }: EnterRequest): Entrance<Participant> {
    const role = this.dependencies.roles?.roleOf(grant) ?? grant.role;
    return this.membership.enter({ ...request, grant: { ...grant, role } });
  }

  /** Takes the role of a host from those whose tokens were made by somebody who is host no more. */
  followRoles(): void {
    for (const { id, role, grant } of this.participants) {
      const given = role === 'host' ? this.dependencies.roles?.roleOf(grant) : role;
      if (given && given !== role) this.moderation.change(id, { role: given });
    }
  }

  /** As {@link Membership.leave}. */
  leave(id: string): Promise<void> {
    return this.membership.leave(id);
  }

  /** @throws TesseraError `participant_not_found`. */
  participant(id: string): Participant {
    return this.membership.find(id);
  }

  /**
   * Changes settings. If that closes the lobby, all who wait come in.
   * @throws TesseraError `bad_layout`, `bad_time_zone`, `image_not_found`; nothing is changed then.
   */
  update(change: Partial<RoomSettings>): void {
    checkChange(change, this.current, this.images);
    this.current = { ...this.current, ...change };
    this.version++;
    if (change.layout !== undefined || change.customLayout !== undefined) {
      this.arrangement.settingsChanged(change.layout !== undefined);
    }
    if (change.overlays) this.pipeline.setOverlays(change.overlays);
    this.logger.info({ ...change }, 'room changed');
    if (!this.current.lobby) this.membership.admitAll();
    this.updates.publish({ type: 'room' });
    this.updates.publish({ type: 'settings' });
  }

  /** Shows these large, in this order. @throws TesseraError `participant_not_found`. */
  pin(ids: readonly string[]): void {
    for (const id of ids) this.membership.find(ownerOf(id));
    this.arrangement.pin(ids);
  }

  /** As {@link RoomImages.setAvatar}. @throws TesseraError `participant_not_found`. */
  setAvatar(id: string, image: SanitizedImage | undefined): void {
    const participant = this.membership.find(id);
    this.images.setAvatar(participant, image, () => this.changed(participant));
  }

  /** Does nothing if the state is the same. */
  setEgress(state: EgressState): void {
    const { recording, live } = this.egressState;
    if (state.recording === recording && state.live === live) return;
    this.egressState = state;
    this.updates.publish({ type: 'room' });
  }

  /** Plays to everybody that the recording starts or stops. */
  announce(text: 'started' | 'stopped', how: 'tone' | 'voice'): void {
    this.pipeline.announce(text, how);
  }

  addOutput(output: MediaOutput): void {
    this.pipeline.addOutput(output);
  }

  removeOutput(output: MediaOutput): void {
    this.pipeline.removeOutput(output);
  }

  /** @param urgent if the receiver has no picture yet. */
  requestKeyframe(video: WatchedVideo, urgent: boolean): void {
    this.pipeline.requestKeyframe(video, urgent);
  }

  /** Asks the sender of a source for a keyframe. */
  requestSourceKeyframe(source: SourceId): void {
    this.pipeline.requestSourceKeyframe(source);
  }

  /** An encode of the composite that participants do not receive. Equal renditions share one. */
  ownRendition(codec: CompositeCodec, rendition: Rendition): WatchedVideo {
    const at = this.ownRenditions.findIndex(
      (one) => JSON.stringify(one) === JSON.stringify(rendition),
    );
    const index = at < 0 ? this.ownRenditions.push(rendition) - 1 : at;
    return { codec, rendition: this.options.mix.renditions.length + index, own: rendition };
  }

  /** Reduces the composite by this number of load steps at least. */
  setLoadFloor(floor: number): void {
    this.pipeline.setLoadFloor(floor);
  }

  /**
   * Tries what a participant sends again, before its quarantine is over.
   * @throws TesseraError `participant_not_found`, `not_quarantined`.
   */
  liftQuarantine(id: string): void {
    const { sourceId, screenSourceId } = this.membership.find(id);
    const lifted = [sourceId, screenSourceId].filter((source) =>
      this.pipeline.liftQuarantine(source),
    );
    if (lifted.length > 0) return;
    throw new TesseraError('not_quarantined', 'what this participant sends is not in quarantine');
  }

  /** Called every few tens of milliseconds. */
  tick(now: Micros): void {
    for (const { media } of this.participants) media.tick(now);
    this.pipeline.tick(now);
  }

  /** @param reason is sent to everybody in the room and in the lobby. */
  async close(reason: TesseraError): Promise<void> {
    if (this.closed) return;
    this.closed = true;
    await this.membership.close(reason);
    await this.pipeline.close();
  }

  private createMembership(previous: PreviousRoom | undefined): Membership<Participant> {
    return new Membership(
      {
        updates: this.updates,
        logger: this.logger,
        settings: () => this.current,
        admit: (kind) => this.dependencies.admit(this.telemetry, kind, nowMicros()),
        create: (request) => this.createParticipant(request),
        onJoined: () => this.pipeline.setSources(this.participants.flatMap(sourcesOf)),
        onLeft: (participant) => {
          this.telemetry.left(participant);
          this.images.forget(participant);
          this.arrangement.left(participant.id);
          // Their tile and voice go first; closing the connection may take its time.
          this.pipeline.setSources(this.participants.flatMap(sourcesOf));
        },
      },
      previous?.returning,
    );
  }

  private createParticipant({ name, grant, viewer }: EnterRequest): Participant {
    const { transport, videoCodecs, mix, dtx, maxInput = LARGEST_SIZE } = this.options;
    const { admitVideo } = this.dependencies;
    const sizes = new VideoSizeGate(maxInput, (size) => admitVideo?.(size, nowMicros()) ?? true);
    const ids = { sourceId: this.nextSourceId++, screenSourceId: this.nextSourceId++ };
    const participant = new Participant(
      { name, grant, viewer, ...ids, transport, videoCodecs, mix, dtx, sizes },
      this.pipeline,
      {
        onChanged: () => this.changed(participant),
        tell: (update) => this.updates.tell(participant.id, update),
      },
      this.logger,
    );
    participant.media.spareBest(this.telemetry.loadSteps.includes('fewer_renditions'));
    return participant;
  }

  private changed(participant: Participant): void {
    if (!this.membership.has(participant.id)) return;
    this.arrangement.followShares();
    this.pipeline.setSources(this.participants.flatMap(sourcesOf));
    this.updates.publish({ type: 'changed', ...describe(participant) });
  }

  private followLoad(steps: readonly LoadStep[]): void {
    if (steps.length > this.numLoadSteps) {
      this.logger.warn({ steps }, 'the composite is reduced to save CPU');
    } else if (steps.length > 0) {
      this.logger.info({ steps }, 'the composite is reduced less: there is CPU again');
    } else this.logger.info('the composite is whole again');
    this.numLoadSteps = steps.length;
    const spare = steps.includes('fewer_renditions');
    for (const { media } of this.participants) media.spareBest(spare);
    this.updates.publish({ type: 'load', steps });
  }
}
