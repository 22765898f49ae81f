/** One room: who is in it, who waits to come in, and the pipeline that makes its picture and sound. */
import { createHash, randomUUID } from 'node:crypto';
import { TesseraError } from '../errors.js';
import type {
  MixSettings,
  Rendition,
  SanitizedImage,
  SourceId,
  TilePlace,
  WatchedVideo,
} from '../link/link-messages.js';
import { type LoadStep, loadSteps } from '../link/load-steps.js';
import type { Logger } from '../logger.js';
import type { PeerTransportOptions } from '../peer/peer-transport.js';
import type { CompositeCodec } from '../protocol/codec-names.js';
import { nowMicros } from '../util/clock.js';
import { CounterTotals } from '../util/counter-totals.js';
import type { StageHistograms } from '../util/stage-times.js';
import type { Micros } from '../util/units.js';
import { type AppMessage, ChatHistory, type ChatMessage, checkSize } from './chat.js';
import type { Grant, Role } from './grant.js';
import { Lobby, type WaitingInfo } from './lobby.js';
import type { MediaOutput } from './media-output.js';
import type { MediaPool } from './media-pool.js';
import { type ConnectionState, Participant } from './participant.js';
import { type ParticipantInfo, participantInfo } from './participant-info.js';
import { sourcesOf } from './participant-sources.js';
import { renditionNames } from './receive-limits.js';
import { ownerOf, type RoomLayout, RoomLayoutControl } from './room-layout.js';
import { RoomPipeline } from './room-pipeline.js';
import { checkChange, imageNotFound, type RoomSettings } from './room-settings.js';

export interface RoomOptions {
  readonly mix: MixSettings;
  readonly transport: PeerTransportOptions;
  readonly videoCodecs: readonly CompositeCodec[];
  /** Ask clients not to send silence. */
  readonly dtx: boolean;
}

/** Who decides whether there is CPU for one more. */
export interface RoomAdmission {
  /** @throws TesseraError `server_busy`. */
  admit(room: Room, kind: 'sender' | 'viewer', now: Micros): void;
}

/** Whoever speaks for a participant: a signalling session, or an API. */
export interface ParticipantListener {
  onJoined(info: ParticipantInfo): void;
  onLeft(id: string): void;
  onChanged(info: ParticipantInfo): void;
  onSpeaking(ids: readonly string[]): void;
  /** Who leads the talk; undefined after they left. */
  onDominant(id: string | undefined): void;
  /** @param timestamp RTP timestamp of the first picture that is like this, if it is known. */
  onLayout(layout: RoomLayout, timestamp: number | undefined): void;
  onError(error: TesseraError): void;
  onCandidate(candidate: string): void;
  onConnectionState(state: ConnectionState): void;
  /** What they get of the picture, by its name; `audio` is sound alone. */
  onRendition(rendition: string): void;
  /** Pixels that their camera is shown in at most: larger ones are not looked at. */
  onCameraShown(size: { readonly width: number; readonly height: number }): void;
  /** The room was locked, opened, got a lobby, or is recorded. */
  onRoomChanged(): void;
  /** For hosts: who waits. */
  onLobby(waiting: readonly WaitingInfo[]): void;
  /** A host switched these off. */
  onMuted(state: MuteRequest): void;
  /** A host asks to switch these on: theirs to decide. */
  onUnmuteAsked(state: MuteRequest): void;
  /** They wrote over the data channel. */
  onData(text: string): void;
  onChat(message: ChatMessage): void;
  onAppMessage(message: AppMessage): void;
  /** A host let the waiting one in. */
  onAdmitted(participant: Participant): void;
  /** It is over for them, and the reason. */
  onClosed(reason: TesseraError): void;
}

export interface MuteRequest {
  readonly mic?: boolean;
  readonly camera?: boolean;
  readonly screen?: boolean;
}

/** What is left out stays as it is. */
export interface ParticipantChange {
  readonly name?: string | undefined;
  readonly role?: Role | undefined;
  /** Of their sound in the mix. */
  readonly gainDb?: number | undefined;
}

export interface EnterRequest {
  readonly name: string;
  readonly grant: Grant;
  readonly viewer: boolean;
  /** Resume token of a participation that was lost: they were in already. */
  readonly previous: string | undefined;
  readonly listener: ParticipantListener;
}

/** Whoever follows what happens in the room without being in it. */
export type RoomObserver = Pick<
  ParticipantListener,
  'onJoined' | 'onLeft' | 'onChanged' | 'onSpeaking' | 'onLayout' | 'onChat'
>;

/** What leaves the room besides what its participants receive; they are all told of it. */
export interface EgressState {
  readonly recording: 'off' | 'on' | 'paused';
  /** It is sent to a live destination. */
  readonly live: boolean;
}

/** What the manager and the events are told of. */
export interface RoomListener {
  onEmpty(): void;
  /** Settings, or who may come back, are to be kept over a restart. */
  onKeep(): void;
  onJoined(participant: Participant): void;
  onLeft(participant: Participant): void;
  /** For good. */
  onRemoved(participant: Participant): void;
  onChanged(participant: Participant): void;
  onWaiting(waiting: WaitingInfo): void;
  onSpeaking(participant: Participant, started: boolean): void;
  /** Its picture gives way more or less than before. */
  onLoad(steps: readonly LoadStep[]): void;
  /** Undefined was taken away. */
  onImage(name: string, image: SanitizedImage | undefined): void;
  onSettings(): void;
}

/** What a room goes on from after a restart. */
export interface PreviousRoom {
  readonly createdAt: number;
  readonly returning: readonly string[];
  readonly images: ReadonlyMap<string, SanitizedImage>;
}

interface Member {
  readonly participant: Participant;
  readonly listener: ParticipantListener;
}

const MAX_IMAGES = 16;
/** Counters that the media process has of each source too. */
const OF_SOURCES = /^audio_(packets|frames|samples|periods)_/;
/** Those who may come back, at most; the oldest are forgotten first. */
const MAX_RETURNING = 4096;

function kindOf({ viewer, grant }: EnterRequest): 'sender' | 'viewer' {
  return viewer || grant.role === 'viewer' ? 'viewer' : 'sender';
}

function replaced(): TesseraError {
  return new TesseraError('replaced', 'you joined again from elsewhere');
}

function digestOf(resumeToken: string): string {
  return createHash('sha256').update(resumeToken).digest('base64url');
}

export class Room {
  /** Of this one of the rooms that had the name. */
  readonly sid = randomUUID();
  /** In ms since 1970. */
  readonly createdAt: number;
  /** Grows with each change of the settings. */
  version = 1;
  private readonly members = new Map<string, Member>();
  private readonly lobby = new Lobby<EnterRequest>();
  /** Digests of the resume tokens of all who were let in and not removed. */
  private readonly returning: Set<string>;
  private readonly chat = new ChatHistory();
  private readonly counted = new CounterTotals();
  private readonly imagesByName = new Map<string, SanitizedImage>();
  private readonly pipeline: RoomPipeline;
  private readonly arrangement: RoomLayoutControl;
  private current: RoomSettings;
  private egressState: EgressState = { recording: 'off', live: false };
  private readonly ownRenditions: Rendition[] = [];
  private readonly observers = new Set<RoomObserver>();
  private started: Promise<void> | undefined;
  private nextSourceId: SourceId = 1;
  private speakingIds: readonly string[] = [];
  private nextAvatar = 1;
  private closed = false;

  constructor(
    readonly id: string,
    settings: RoomSettings,
    private readonly options: RoomOptions,
    pool: MediaPool,
    private readonly admission: RoomAdmission,
    private readonly logger: Logger,
    private readonly events: RoomListener,
    /** Of the room that this one goes on from. */
    previous: PreviousRoom | undefined,
  ) {
    this.current = settings;
    this.createdAt = previous?.createdAt ?? Date.now();
    this.returning = new Set(previous?.returning);
    this.pipeline = new RoomPipeline(options.mix, pool, logger, {
      onSpeaking: (sources) => this.announceSpeaking(sources),
      onDominant: (source) => this.announceDominant(source),
      onLayout: (tiles, ptsMicros) => this.announceLayout(tiles, ptsMicros),
      onCorrupt: (source, media) => this.logger.debug({ source, media }, 'corrupt bitstream'),
      onLoad: (steps) => this.followLoad(steps),
    });
    for (const [name, image] of previous?.images ?? []) {
      this.imagesByName.set(name, image);
      this.pipeline.setImage(`room/${name}`, image.data);
    }
    this.pipeline.setOverlays(settings.overlays);
    this.arrangement = new RoomLayoutControl(options.mix, {
      participants: () => this.participants,
      settings: () => this.current,
      arrange: (layout) => this.pipeline.arrange(layout),
      onChanged: () => this.tellLayout(),
    });
    this.arrangement.arrange();
  }

  get size(): number {
    return this.members.size;
  }

  /** Whether anybody is in the room or waits to be. */
  get inUse(): boolean {
    return this.members.size > 0 || this.lobby.size > 0;
  }

  get settings(): RoomSettings {
    return this.current;
  }

  get egress(): EgressState {
    return this.egressState;
  }

  /** Tells everybody. */
  setEgress(state: EgressState): void {
    const { recording, live } = this.egressState;
    if (state.recording === recording && state.live === live) return;
    this.egressState = state;
    for (const { listener } of this.members.values()) listener.onRoomChanged();
  }

  /** Lets everybody hear that the recording begins or ends. */
  announce(text: 'started' | 'stopped', how: 'tone' | 'voice'): void {
    this.pipeline.announce(text, how);
  }

  /** Gives the composite to something that is no participant. */
  addOutput(output: MediaOutput): void {
    this.pipeline.addOutput(output);
  }

  removeOutput(output: MediaOutput): void {
    this.pipeline.removeOutput(output);
  }

  observe(observer: RoomObserver): void {
    this.observers.add(observer);
  }

  stopObserving(observer: RoomObserver): void {
    this.observers.delete(observer);
  }

  /** @param urgent if there is no picture yet. */
  requestKeyframe(video: WatchedVideo, urgent: boolean): void {
    this.pipeline.requestKeyframe(video, urgent);
  }

  /** An encode of the composite for somebody who wants another one than receivers get. */
  ownRendition(codec: CompositeCodec, rendition: Rendition): WatchedVideo {
    const at = this.ownRenditions.findIndex(
      (one) => JSON.stringify(one) === JSON.stringify(rendition),
    );
    const index = at < 0 ? this.ownRenditions.push(rendition) - 1 : at;
    return { codec, rendition: this.options.mix.renditions.length + index, own: rendition };
  }

  /** Of what somebody sends. */
  requestSourceKeyframe(source: SourceId): void {
    this.pipeline.requestSourceKeyframe(source);
  }

  /** How the picture and the sound are made. */
  get mix(): MixSettings {
    return this.options.mix;
  }

  /** Codecs that the composite can be encoded in, best first. */
  get videoCodecs(): readonly CompositeCodec[] {
    return this.options.videoCodecs;
  }

  get participants(): readonly Participant[] {
    return [...this.members.values()].map(({ participant }) => participant);
  }

  /** What participants are told of each other. */
  get visibleParticipants(): readonly ParticipantInfo[] {
    return this.participants.filter(({ grant }) => !grant.hidden).map(participantInfo);
  }

  /** What receivers may choose, best first. */
  get renditions(): readonly string[] {
    return renditionNames(this.options.mix);
  }

  get waiting(): readonly WaitingInfo[] {
    return this.lobby.list;
  }

  /** Digests of who may come back into a room that is locked or has a lobby. */
  get returningDigests(): readonly string[] {
    return [...this.returning];
  }

  get mediaPid(): number | undefined {
    return this.pipeline.mediaPid;
  }

  /** How long the stages of its media take. */
  get stages(): StageHistograms {
    return this.pipeline.stageTimes;
  }

  /** Steps that its picture gives way by. */
  get loadSteps(): readonly LoadStep[] {
    return this.pipeline.loadSteps;
  }

  get loadLevel(): number {
    return this.loadSteps.length;
  }

  get numLoadSteps(): number {
    return this.options.mix.loadControl ? loadSteps(this.options.mix).length : 0;
  }

  /** Its picture takes more than the time that there is. */
  get overloaded(): boolean {
    return this.pipeline.mediaCounters.load_overloaded === 1;
  }

  /** CPU time of its media process. */
  get cpuMicros(): number | undefined {
    return this.pipeline.mediaCounters.cpu_micros;
  }

  get numVisible(): number {
    return this.participants.filter(({ visible }) => visible).length;
  }

  /** So many steps at least. */
  setLoadFloor(floor: number): void {
    this.pipeline.setLoadFloor(floor);
  }

  /** Counters of the pipeline and its media process. */
  get counters(): Record<string, number> {
    return { ...this.pipeline.mediaCounters, ...this.pipeline.counters };
  }

  /** All that was counted since the room began, by those too who have left. */
  get totals(): Record<string, number> {
    this.countAll();
    return this.counted.totals;
  }

  /** What waits on this side of the link, in bytes and microseconds, and on the other in frames. */
  get queues(): Record<string, number> {
    const pacers = this.participants.map(({ output }) => output?.queueMicros ?? 0);
    return {
      link_bytes: this.pipeline.queuedBytes,
      pacer_micros_max: Math.max(0, ...pacers),
      decoder_frames: this.pipeline.mediaCounters.decoder_queue_frames ?? 0,
    };
  }

  /** Starts the room's media process if need be; resolves when the room is ready for media. */
  start(): Promise<void> {
    this.started ??= this.pipeline.start().catch((error: unknown) => {
      this.started = undefined;
      throw error;
    });
    return this.started;
  }

  /**
   * Lets somebody in, or to the lobby.
   * @returns the participant, or who now waits: their listener hears of it when a host decides.
   */
  enter(request: EnterRequest): Participant | WaitingInfo {
    if (this.closed) throw new TesseraError('shutting_down', 'the room is closing');
    const { grant, name, previous } = request;
    const twin = this.twinOf(grant);
    const comesBack =
      twin !== undefined || (previous !== undefined && this.returning.has(digestOf(previous)));
    const known = grant.role === 'host' || comesBack;
    if (this.current.locked && !known) {
      throw new TesseraError('room_locked', 'the room is locked', {
        next: 'Ask a host to open it.',
      });
    }
    const most = this.current.maxParticipants;
    const waits = this.current.lobby && !known;
    if ((this.members.size >= most && !twin) || (waits && this.lobby.size >= most)) {
      throw new TesseraError('room_full', `the room has ${most} participants`, {
        next: 'Try again later, or raise room.maxParticipants.',
      });
    }
    if (!waits) {
      // Who comes back costs what they cost a moment ago.
      if (!comesBack) this.admission.admit(this, kindOf(request), nowMicros());
      return this.join(request);
    }
    const earlier = this.lobby.list.find(
      ({ identity }) => identity !== '' && identity === grant.identity,
    );
    if (earlier) this.takeWaiting(earlier.id).request.listener.onClosed(replaced());
    const waiting = this.lobby.add(name, grant.identity ?? '', request);
    this.logger.info({ waiting: waiting.id }, 'somebody waits in the lobby');
    this.announceLobby();
    this.events.onWaiting(waiting);
    return waiting;
  }

  /** Lets somebody in who waits. @throws TesseraError `participant_not_found`. */
  admit(waitingId: string): void {
    const waiting = this.lobby.find(waitingId);
    if (waiting) this.admission.admit(this, kindOf(waiting.request), nowMicros());
    const { request } = this.takeWaiting(waitingId);
    request.listener.onAdmitted(this.join(request));
  }

  /** As many as there is room for; the others go on waiting. */
  private admitAll(): void {
    try {
      for (const { id } of this.lobby.list) {
        if (this.members.size < this.current.maxParticipants) this.admit(id);
      }
    } catch (error) {
      this.logger.warn({ error }, 'not all who waited could be let in');
    }
  }

  /** Sends somebody away who waits. @throws TesseraError `participant_not_found`. */
  deny(waitingId: string): void {
    const { request } = this.takeWaiting(waitingId);
    request.listener.onClosed(new TesseraError('not_admitted', 'the host did not let you in'));
    if (!this.inUse) this.events.onEmpty();
  }

  /** Somebody who waits went away. */
  stopWaiting(waitingId: string): void {
    if (!this.lobby.take(waitingId)) return;
    this.announceLobby();
    if (!this.inUse) this.events.onEmpty();
  }

  /** @throws TesseraError `participant_not_found`. */
  participant(id: string): Participant {
    return this.member(id).participant;
  }

  /**
   * Changes settings; whoever waits when the lobby is closed comes in.
   * @throws TesseraError `bad_layout`, `bad_time_zone`, `image_not_found`; nothing is changed then.
   */
  update(change: Partial<RoomSettings>): void {
    checkChange(change, this.current, this.imagesByName);
    this.current = { ...this.current, ...change };
    this.version++;
    if (change.layout !== undefined || change.customLayout !== undefined) {
      this.arrangement.settingsChanged(change.layout !== undefined);
    }
    if (change.overlays) this.pipeline.setOverlays(change.overlays);
    this.logger.info({ ...change }, 'room changed');
    if (!this.current.lobby) {
      this.admitAll();
    }
    for (const { listener } of this.members.values()) listener.onRoomChanged();
    this.events.onSettings();
    this.events.onKeep();
  }

  get layout(): RoomLayout {
    return this.arrangement.description;
  }

  /** Shows these large, in this order. @throws TesseraError `participant_not_found`. */
  pin(ids: readonly string[]): void {
    for (const id of ids) this.member(ownerOf(id));
    this.arrangement.pin(ids);
  }

  /** Changes what is known of a participant, and tells everybody. */
  change(id: string, { name, role, gainDb }: ParticipantChange): Participant {
    const { participant, listener } = this.member(id);
    const wasHost = participant.role === 'host';
    participant.version++;
    participant.name = name ?? participant.name;
    participant.role = role ?? participant.role;
    participant.gainDb = gainDb ?? participant.gainDb;
    this.changed(participant);
    if (!wasHost && participant.role === 'host') listener.onLobby(this.waiting);
    return participant;
  }

  /** What was written, the oldest first. */
  get chatHistory(): readonly ChatMessage[] {
    return this.chat.messages;
  }

  /**
   * Tells everybody what somebody wrote, themselves too.
   * @throws TesseraError `forbidden`, `too_many_messages`, `message_too_large`, `bad_message`.
   */
  write(id: string, text: string): void {
    const participant = this.writer(id, 'chats');
    const message = this.chat.add(participant, text);
    this.tellAll((listener) => listener.onChat(message));
  }

  /**
   * Passes on what an application sends to others of the room.
   * @param to participants; undefined is everybody else.
   * @throws TesseraError as `write` does.
   */
  sendMessage(id: string, topic: string, data: unknown, to: readonly string[] | undefined): void {
    this.writer(id, 'messages');
    checkSize(JSON.stringify(data) ?? '');
    const message = { from: id, topic, data, time: Date.now() };
    for (const [other, { listener }] of this.members) {
      if (other !== id && (to?.includes(other) ?? true)) listener.onAppMessage(message);
    }
  }

  get images(): readonly { name: string; width: number; height: number }[] {
    return [...this.imagesByName].map(([name, { width, height }]) => ({ name, width, height }));
  }

  /** Keeps an image for logo, watermark or background. @throws TesseraError `room_full`. */
  setImage(name: string, image: SanitizedImage): void {
    if (!this.imagesByName.has(name) && this.imagesByName.size >= MAX_IMAGES) {
      throw new TesseraError('room_full', `a room has at most ${MAX_IMAGES} images`, {
        next: 'Delete one first.',
      });
    }
    this.imagesByName.set(name, image);
    this.pipeline.setImage(`room/${name}`, image.data);
    this.events.onImage(name, image);
    this.events.onSettings();
    this.events.onKeep();
  }

  /** @throws TesseraError `image_not_found`. */
  removeImage(name: string): void {
    if (!this.imagesByName.delete(name)) throw imageNotFound(name);
    this.pipeline.setImage(`room/${name}`, undefined);
    this.events.onImage(name, undefined);
  }

  /** Shown in place of initials while the camera is off; undefined takes it away. */
  setAvatar(id: string, image: SanitizedImage | undefined): void {
    const { participant } = this.member(id);
    const { sourceId, avatar: before } = participant;
    participant.avatar = image && `avatar/${sourceId}/${this.nextAvatar++}`;
    if (participant.avatar) this.pipeline.setImage(participant.avatar, image?.data);
    this.changed(participant);
    if (before) this.pipeline.setImage(before, undefined);
  }

  /** Switches somebody's microphone or camera off; only they can switch it on again. */
  mute(id: string, { mic, camera, screen }: MuteRequest): void {
    const { participant, listener } = this.member(id);
    const off = {
      ...(mic && participant.micOn ? { mic } : {}),
      ...(camera && participant.cameraOn ? { camera } : {}),
      ...(screen && participant.screenOn ? { screen } : {}),
    };
    if (Object.keys(off).length === 0) return;
    participant.setMuted({
      mic: off.mic ? false : undefined,
      camera: off.camera ? false : undefined,
      screen: off.screen ? false : undefined,
    });
    listener.onMuted(off);
  }

  /** Mutes everybody but hosts. */
  muteAll(request: MuteRequest): void {
    for (const { id, role } of this.participants) if (role !== 'host') this.mute(id, request);
  }

  /** Asks somebody to switch something on. */
  askToUnmute(id: string, request: MuteRequest): void {
    const { mic, camera } = request;
    this.member(id).listener.onUnmuteAsked({
      ...(mic ? { mic } : {}),
      ...(camera ? { camera } : {}),
    });
  }

  /** Takes somebody out for good, as far as the room can tell. */
  remove(id: string): void {
    const { participant } = this.member(id);
    this.returning.delete(digestOf(participant.resumeToken));
    this.events.onRemoved(participant);
    this.dismiss(id, new TesseraError('removed', 'a host removed you from the room'));
    this.events.onKeep();
  }

  async leave(id: string): Promise<void> {
    const member = this.members.get(id);
    if (!member) return;
    this.members.delete(id);
    this.count(member.participant);
    this.counted.forget(id);
    const { avatar } = member.participant;
    if (avatar) this.pipeline.setImage(avatar, undefined);
    this.arrangement.left(id);
    // The tile and the voice go first; closing the connection may take its time.
    this.pipeline.setSources(this.participants.flatMap(sourcesOf));
    if (!member.participant.grant.hidden) {
      this.tellAll((listener) => listener.onLeft(id));
    }
    this.logger.info({ participant: id, size: this.size }, 'participant left');
    this.events.onLeft(member.participant);
    if (!this.inUse) this.events.onEmpty();
    await member.participant.close();
  }

  /** Called every few tens of milliseconds. */
  tick(now: Micros): void {
    for (const { participant } of this.members.values()) {
      participant.guarding(() => participant.tick(now));
    }
  }

  /** @param reason is what everybody in it is told. */
  async close(reason: TesseraError): Promise<void> {
    if (this.closed) return;
    this.closed = true;
    for (const { id } of this.lobby.list) this.takeWaiting(id).request.listener.onClosed(reason);
    for (const { listener } of this.members.values()) listener.onClosed(reason);
    await Promise.all([...this.members.keys()].map((id) => this.leave(id)));
    await this.pipeline.close();
  }

  private countAll(): void {
    const media = Object.entries(this.counters).filter(([name]) => !OF_SOURCES.test(name));
    this.counted.observe('media', Object.fromEntries(media));
    for (const participant of this.participants) this.count(participant);
  }

  private count(participant: Participant): void {
    const { id, screenSourceId } = participant;
    this.counted.observe(id, participant.counts());
    this.counted.observe(`${id}/screen`, this.pipeline.sourceCounters(screenSourceId));
  }

  private followLoad(steps: readonly LoadStep[]): void {
    this.logger.warn({ steps }, 'the picture gives way to load');
    const spare = steps.includes('fewer_renditions');
    for (const participant of this.participants) participant.spareBest(spare);
    this.events.onLoad(steps);
  }

  private twinOf({ identity }: Grant): Participant | undefined {
    return this.participants.find((one) => identity !== undefined && one.identity === identity);
  }

  private join({ name, viewer, grant, listener }: EnterRequest): Participant {
    const twin = this.twinOf(grant);
    if (twin) this.dismiss(twin.id, replaced());
    const participant = new Participant(
      {
        name,
        grant,
        viewer,
        sourceId: this.nextSourceId++,
        screenSourceId: this.nextSourceId++,
        transport: this.options.transport,
        videoCodecs: this.options.videoCodecs,
        mix: this.options.mix,
        dtx: this.options.dtx,
      },
      this.pipeline,
      {
        onChanged: () => this.changed(participant),
        onError: (error) => this.members.get(participant.id)?.listener.onError(error),
        onCandidate: (candidate) =>
          this.members.get(participant.id)?.listener.onCandidate(candidate),
        onConnectionState: (state) =>
          this.members.get(participant.id)?.listener.onConnectionState(state),
        onRendition: (rendition) =>
          this.members.get(participant.id)?.listener.onRendition(rendition),
        onCameraShown: (size) => this.members.get(participant.id)?.listener.onCameraShown(size),
        onData: (text) => this.members.get(participant.id)?.listener.onData(text),
      },
      this.logger,
    );
    if (!grant.hidden) {
      const info = participantInfo(participant);
      this.tellAll((other) => other.onJoined(info));
    }
    participant.spareBest(this.loadSteps.includes('fewer_renditions'));
    this.members.set(participant.id, { participant, listener });
    this.mayReturn(participant);
    this.pipeline.setSources(this.participants.flatMap(sourcesOf));
    const { id, identity, role } = participant;
    this.logger.info({ participant: id, identity, role, size: this.size }, 'participant joined');
    this.events.onJoined(participant);
    return participant;
  }

  private mayReturn({ resumeToken }: Participant): void {
    this.returning.add(digestOf(resumeToken));
    const [oldest] = this.returning;
    if (this.returning.size > MAX_RETURNING && oldest) this.returning.delete(oldest);
    this.events.onKeep();
  }

  private writer(id: string, kind: 'chats' | 'messages'): Participant {
    const { participant } = this.member(id);
    if (!participant.grant.canPublishData) {
      throw new TesseraError('forbidden', 'the token does not allow to write to the room');
    }
    participant.chatLimits.take(kind, nowMicros());
    return participant;
  }

  private member(id: string): Member {
    const member = this.members.get(id);
    if (!member) throw new TesseraError('participant_not_found', 'there is no such participant');
    return member;
  }

  private takeWaiting(id: string) {
    const waiting = this.lobby.take(id);
    if (!waiting) throw new TesseraError('participant_not_found', 'nobody of that id waits');
    this.announceLobby();
    return waiting;
  }

  private dismiss(id: string, reason: TesseraError): void {
    this.members.get(id)?.listener.onClosed(reason);
    this.leave(id).catch((error: unknown) => this.logger.error({ error }, 'leaving failed'));
  }

  private announceLobby(): void {
    for (const { participant, listener } of this.members.values()) {
      if (participant.role === 'host') listener.onLobby(this.waiting);
    }
  }

  private changed(participant: Participant): void {
    if (!this.members.has(participant.id)) return;
    this.arrangement.followShares();
    this.pipeline.setSources(this.participants.flatMap(sourcesOf));
    const info = participantInfo(participant);
    if (participant.grant.hidden) this.members.get(participant.id)?.listener.onChanged(info);
    else this.tellAll((listener) => listener.onChanged(info));
    this.events.onChanged(participant);
  }

  /** Regions may be as they were, but mode or pins are not. */
  private tellLayout(): void {
    this.tellAll((listener) => listener.onLayout(this.layout, undefined));
  }

  private tellAll(tell: (listener: RoomObserver) => void): void {
    for (const { listener } of this.members.values()) tell(listener);
    for (const observer of this.observers) tell(observer);
  }

  private announceDominant(source: SourceId | undefined): void {
    const dominant = this.participants.find(({ sourceId }) => sourceId === source);
    for (const { listener } of this.members.values()) listener.onDominant(dominant?.id);
  }

  private announceLayout(tiles: readonly TilePlace[], ptsMicros: Micros): void {
    this.arrangement.placed(tiles);
    for (const { participant, listener } of this.members.values()) {
      listener.onLayout(this.layout, participant.output?.videoTimestampOf(ptsMicros));
    }
    for (const observer of this.observers) observer.onLayout(this.layout, undefined);
  }

  private announceSpeaking(sources: readonly SourceId[]): void {
    const ids = this.participants
      .filter(({ sourceId }) => sources.includes(sourceId))
      .map(({ id }) => id);
    const before = this.speakingIds;
    if (ids.join() === before.join()) return;
    this.speakingIds = ids;
    for (const participant of this.participants) {
      const speaks = ids.includes(participant.id);
      if (speaks !== before.includes(participant.id)) this.events.onSpeaking(participant, speaks);
    }
    this.tellAll((listener) => listener.onSpeaking(ids));
  }
}
