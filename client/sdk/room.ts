/**
 * The browser SDK: one call in one room. No DOM; it takes tracks and gives one stream.
 *
 *   const room = await Room.connect({ url, room: 'demo', name: 'Ada', audioTrack, videoTrack });
 *   video.srcObject = room.stream;
 */
import type { ChatState } from '../../src/protocol/chat.js';
import type { ClientMessage } from '../../src/protocol/client-messages.js';
import type { IceServer } from '../../src/protocol/ice-server.js';
import type { LayoutDescription } from '../../src/protocol/layout.js';
import type { Moderate } from '../../src/protocol/moderation.js';
import type { ParticipantState, WaitingState } from '../../src/protocol/participants.js';
import type { RoomStatus } from '../../src/protocol/room-status.js';
import type { ServerMessage } from '../../src/protocol/server-messages.js';
import { Emitter } from './events.js';
import { RoomRecordings } from './recordings.js';
import { RoomData } from './room-data.js';
import { ScreenShare } from './screen-share.js';
import { SignalConnection, type TokenSource } from './signal-connection.js';
import { CameraLayers, simulcastLayers } from './simulcast.js';

export { OwnTile } from './own-tile.js';
export { ReceiveLimiter } from './receive-limiter.js';
export { TileButtons } from './tile-buttons.js';

export interface RoomOptions {
  /** WebSocket URL of the server's `/signal`. */
  readonly url: string;
  readonly room: string;
  /** Display name; one in the token counts more. */
  readonly name?: string | undefined;
  /** Access token, or what gets one; servers without API keys need none. */
  readonly token?: TokenSource | undefined;
  /** Receive only: no tile. */
  readonly viewer?: boolean;
  readonly audioTrack?: MediaStreamTrack | undefined;
  readonly videoTrack?: MediaStreamTrack | undefined;
  /** False receives the sound alone: no picture is sent to this client. */
  readonly receiveVideo?: boolean;
  /** Most that is sent of the camera, in bit/s. */
  readonly maxVideoBitrate?: number;
}

export type RoomState = 'connecting' | 'waiting' | 'connected' | 'reconnecting' | 'failed' | 'left';

export interface RoomEvents extends Record<string, unknown> {
  state: { readonly state: RoomState; readonly reason: string | undefined };
  participants: readonly ParticipantState[];
  speaking: readonly string[];
  /** Who leads the talk; undefined after they left. */
  dominant: string | undefined;
  /** What the picture is made of; `timestamp` is the RTP timestamp of the first that is like this. */
  layout: { readonly layout: LayoutDescription; readonly timestamp: number | undefined };
  /** Whether the room is locked, and has a lobby. */
  settings: RoomStatus;
  /** For hosts: who waits to come in. */
  lobby: readonly WaitingState[];
  /** A host switched these off; the tracks are disabled already. */
  muted: MediaKinds;
  /** A host asks to switch these on: with `setMicEnabled` and `setCameraEnabled`, if one wants. */
  unmuteAsked: MediaKinds;
  /** One's own screen is shared, or no longer: by oneself, by the browser's own button, by a host. */
  screen: { readonly sharing: boolean };
  /** Somebody wrote, oneself too. */
  chat: ChatState;
  /** All that was written, after a join or a time without connection. */
  history: readonly ChatState[];
  /** An application's own message from another participant. */
  message: {
    readonly from: string;
    readonly topic: string;
    readonly data: unknown;
    readonly time: number;
  };
  /** What comes now, of {@link Room.renditions}. */
  rendition: string;
  notice: { readonly code: string; readonly message: string };
  error: { readonly code: string; readonly message: string; readonly next: string | undefined };
}

/** What a receiver has use for; what is left out is without limit. */
export interface ReceiveLimits {
  /** Pixels that the picture is shown in. */
  readonly maxWidth?: number;
  readonly maxHeight?: number;
  /** Of all that comes, in kbit/s. */
  readonly maxBitrate?: number;
  /** `auto`, or no better one than this of {@link Room.renditions}. */
  readonly rendition?: string;
}

export interface MediaKinds {
  readonly mic?: boolean;
  readonly camera?: boolean;
  readonly screen?: boolean;
}

/** What hosts can ask for. */
export type ModerationAction = DistributiveOmit<Moderate, 'type'>;
type DistributiveOmit<T, K extends PropertyKey> = T extends unknown ? Omit<T, K> : never;

const CONNECT_MS = 20_000;
/** How long media may be disconnected before ICE is restarted. */
const RESTART_MS = 1_000;

export class Room extends Emitter<RoomEvents> {
  /** The composite and the mix, to be played as one. */
  readonly stream = new MediaStream();
  /** What was recorded of the room, and to record it. */
  readonly recordings: RoomRecordings;
  private readonly people = new Map<string, ParticipantState>();
  private readonly signal: SignalConnection;
  private pc: RTCPeerConnection | undefined;
  private mic: RTCRtpTransceiver | undefined;
  private camera: RTCRtpTransceiver | undefined;
  private readonly screen = new ScreenShare(() => this.stopScreenShare());
  private readonly layers = new CameraLayers(
    () => this.maxVideoBitrate,
    (error) =>
      this.emit('error', { code: 'camera_layers', message: String(error), next: undefined }),
  );
  /** Something changed while an answer was awaited. */
  private offerOwed = false;
  private currentState: RoomState = 'connecting';
  private restartTimer: ReturnType<typeof setTimeout> | undefined;
  private ownId = '';
  private roomSettings: RoomStatus = {
    locked: false,
    lobby: false,
    recording: 'off',
    live: false,
  };
  private currentLayout: LayoutDescription = {
    mode: 'grid',
    width: 0,
    height: 0,
    pinned: [],
    regions: [],
  };
  private renditionList: readonly string[] = [];
  private currentRendition: string | undefined;
  private receiveLimits: ReceiveLimits | undefined;
  private waitingPeople: readonly WaitingState[] = [];
  private speakingIds: readonly string[] = [];
  private readonly data = new RoomData(
    (message) => this.received(message),
    (message) => this.send(message),
  );

  /** What is sent; the transceivers have others once a device is changed. */
  private tracks: Pick<RoomOptions, 'audioTrack' | 'videoTrack'>;

  private constructor(private readonly options: RoomOptions) {
    super();
    this.tracks = options;
    this.recordings = new RoomRecordings(options, () => this.signal.send({ type: 'recordings' }));
    this.signal = new SignalConnection(options.url, options.token);
    this.signal.on('lost', () => this.setState('reconnecting'));
    this.signal.on('rejoining', () => this.dropMedia());
    this.signal.on('closed', (reason) => this.fail(reason));
    this.signal.on('message', (message) => this.received(message));
  }

  /**
   * Joins; resolves when media flows, rejects with the reason if it does not.
   * @param onCreated is given the room at once, to follow its state while it waits in a lobby.
   */
  static async connect(options: RoomOptions, onCreated?: (room: Room) => void): Promise<Room> {
    const room = new Room(options);
    onCreated?.(room);
    const { name, viewer = false } = options;
    const named = name === undefined || name === '' ? {} : { name };
    room.signal.open({ type: 'join', room: options.room, ...named, viewer });
    await new Promise<void>((resolve, reject) => {
      const startTimer = () => setTimeout(() => room.fail('no connection within 20 s'), CONNECT_MS);
      let late = startTimer();
      room.on('state', ({ state, reason }) => {
        clearTimeout(late);
        if (state === 'connected') resolve();
        else if (state === 'failed' || state === 'left') reject(new Error(reason ?? state));
        else if (state === 'connecting') late = startTimer();
      });
    });
    return room;
  }

  get state(): RoomState {
    return this.currentState;
  }

  /** One's own participant id. */
  get id(): string {
    return this.ownId;
  }

  get participants(): readonly ParticipantState[] {
    return [...this.people.values()];
  }

  /** What one may do oneself. */
  get role(): ParticipantState['role'] {
    return this.people.get(this.ownId)?.role ?? 'participant';
  }

  get settings(): RoomStatus {
    return this.roomSettings;
  }

  /** What the picture is made of. */
  get layout(): LayoutDescription {
    return this.currentLayout;
  }

  /** Who says something at the moment. */
  get speaking(): readonly string[] {
    return this.speakingIds;
  }

  /** For hosts: who waits to come in. */
  get lobby(): readonly WaitingState[] {
    return this.waitingPeople;
  }

  /** What was written, the oldest first. */
  get chat(): readonly ChatState[] {
    return this.data.chat;
  }

  /** Writes to everybody; what is refused (over 4096 bytes, too fast) comes back as an `error` event. */
  sendChat(text: string): void {
    this.data.send({ type: 'chat', text });
  }

  /**
   * Sends an application's own message.
   * @param data anything that JSON has, of at most 4096 bytes.
   * @param to participants; everybody else without it.
   */
  sendMessage(topic: string, data: unknown, to?: readonly string[]): void {
    const whom = to === undefined ? {} : { to: [...to] };
    this.data.send({ type: 'message', topic, data, ...whom });
  }

  /** For hosts; what is refused comes back as an `error` event. */
  moderate(action: ModerationAction): void {
    this.signal.send({ type: 'moderate', ...action } as Moderate);
  }

  /** What is sent of the camera; `enabled` is false while it is off. */
  get cameraTrack(): MediaStreamTrack | undefined {
    return this.camera?.sender.track ?? undefined;
  }

  /** The connection, for its statistics. */
  get peerConnection(): RTCPeerConnection | undefined {
    return this.pc;
  }

  private get maxVideoBitrate(): number {
    return this.options.maxVideoBitrate ?? 1_500_000;
  }

  /** Others see it at once; the track is kept, so that it is back at once too. */
  setMicEnabled(enabled: boolean): void {
    if (this.mic?.sender.track) this.mic.sender.track.enabled = enabled;
    this.signal.send({ type: 'mute', mic: enabled });
  }

  setCameraEnabled(enabled: boolean): void {
    if (this.camera?.sender.track) this.camera.sender.track.enabled = enabled;
    this.signal.send({ type: 'mute', camera: enabled });
  }

  /** What may be received, best first; the last is sound alone. */
  get renditions(): readonly string[] {
    return this.renditionList;
  }

  /** What comes now; undefined before the first picture. */
  get rendition(): string | undefined {
    return this.currentRendition;
  }

  /** Asks for no more than this; the server sends less where the connection takes less. */
  setReceive(limits: ReceiveLimits): void {
    this.receiveLimits = limits;
    this.send({ type: 'receive', ...limits });
  }

  get sharesScreen(): boolean {
    return this.screen.stream !== undefined;
  }

  /**
   * Shares a screen, window or tab, with its sound if it has any.
   * @param stream of `getDisplayMedia`; its tracks are stopped with the share.
   */
  async shareScreen(stream: MediaStream): Promise<void> {
    if (!this.pc) throw new Error('there is no connection to share over');
    const added = await this.screen.start(this.pc, stream);
    if (added) await this.offer(false);
    this.send({ type: 'mute', screen: true });
    this.emit('screen', { sharing: true });
  }

  stopScreenShare(): void {
    if (!this.sharesScreen) return;
    this.screen.stop();
    this.send({ type: 'mute', screen: false });
    this.emit('screen', { sharing: false });
  }

  /** Puts another device's track in the place of the current one; nothing is renegotiated. */
  async replaceTrack(kind: 'audio' | 'video', track: MediaStreamTrack | null): Promise<void> {
    const sender = (kind === 'audio' ? this.mic : this.camera)?.sender;
    await sender?.replaceTrack(track);
    if (kind === 'video' && sender && track) await this.layers.follow();
  }

  leave(): void {
    if (this.currentState === 'left' || this.currentState === 'failed') return;
    if (this.currentState !== 'waiting') this.signal.send({ type: 'leave' });
    this.end('left', undefined);
  }

  private received(message: ServerMessage): void {
    this.receive(message).catch((error: unknown) => this.fail(String(error)));
  }

  private async receive(message: ServerMessage): Promise<void> {
    switch (message.type) {
      case 'welcome':
        this.ownId = message.participant;
        if (this.currentState === 'waiting') this.setState('connecting');
        this.setSettings(message.room);
        this.setLayout(message.room.layout);
        this.people.clear();
        for (const participant of message.room.participants)
          this.people.set(participant.id, participant);
        this.emit('participants', this.participants);
        this.renditionList = message.renditions;
        if (this.receiveLimits) this.send({ type: 'receive', ...this.receiveLimits });
        if (!message.resumed) await this.startMedia(message.iceServers);
        else this.mediaStateChanged();
        break;
      case 'answer':
        await this.pc?.setRemoteDescription({ type: 'answer', sdp: message.sdp });
        if (this.offerOwed) await this.offer(false);
        break;
      case 'candidate':
        await this.pc?.addIceCandidate({ candidate: message.candidate, sdpMLineIndex: 0 });
        break;
      case 'joined':
      case 'changed':
        await this.personChanged(message.participant);
        break;
      case 'waiting':
        this.setState('waiting');
        break;
      case 'recordings':
        this.recordings.answered(message);
        break;
      case 'room':
        this.setSettings(message.room);
        break;
      case 'lobby':
        this.waitingPeople = message.waiting;
        this.emit('lobby', message.waiting);
        break;
      case 'muted':
        if (message.mic && this.mic?.sender.track) this.mic.sender.track.enabled = false;
        if (message.camera && this.camera?.sender.track) this.camera.sender.track.enabled = false;
        if (message.screen) this.stopScreenShare();
        this.emit('muted', kindsOf(message));
        break;
      case 'unmuteAsked':
        this.emit('unmuteAsked', kindsOf(message));
        break;
      case 'left':
        this.people.delete(message.participant);
        this.emit('participants', this.participants);
        break;
      case 'layout':
        this.setLayout(message.layout, message.timestamp);
        break;
      case 'chat':
        this.data.wrote(message.message);
        this.emit('chat', message.message);
        break;
      case 'history':
        this.data.merge(message.messages);
        this.emit('history', this.chat);
        break;
      case 'message': {
        const { from, topic, data, time } = message;
        this.emit('message', { from, topic, data, time });
        break;
      }
      case 'rendition':
        this.currentRendition = message.rendition;
        this.emit('rendition', message.rendition);
        break;
      case 'cameraShown':
        this.layers.shownAt(message);
        break;
      case 'dominant':
        this.emit('dominant', message.participant);
        break;
      case 'speaking':
        this.speakingIds = message.participants;
        this.emit('speaking', message.participants);
        break;
      case 'notice':
        this.emit('notice', { code: message.code, message: message.message });
        break;
      case 'connection':
      case 'token':
        break;
      case 'error':
        this.emit('error', { code: message.code, message: message.message, next: message.next });
        // The server goes, and comes back: the connection takes care of that.
        if (!this.pc && message.code !== 'shutting_down') this.fail(message.message);
        break;
    }
  }

  /** Fixed m-lines: mic and camera up, one mixed audio and one composite down. */
  private async startMedia(iceServers: readonly IceServer[]): Promise<void> {
    const pc = new RTCPeerConnection({
      bundlePolicy: 'max-bundle',
      iceServers: iceServers.map((server) => ({ ...server })) as RTCIceServer[],
    });
    this.pc = pc;
    pc.onconnectionstatechange = () => this.mediaStateChanged();
    pc.onicecandidate = ({ candidate }) => {
      if (candidate) this.send({ type: 'candidate', candidate: candidate.candidate });
    };
    pc.ontrack = ({ track }) => {
      if (!this.stream.getTracks().includes(track)) this.stream.addTrack(track);
    };
    const { receiveVideo = true } = this.options;
    this.mic = undefined;
    this.camera = undefined;
    if (this.sends) this.addSenders(pc);
    this.data.open(pc);
    pc.addTransceiver('audio', { direction: 'recvonly' });
    if (receiveVideo) pc.addTransceiver('video', { direction: 'recvonly' });
    const { stream } = this.screen;
    if (stream && this.sends) await this.screen.start(pc, stream);
    await this.offer(false);
    this.tellMuteState();
  }

  private get sends(): boolean {
    return this.people.get(this.ownId)?.viewer === false;
  }

  private addSenders(pc: RTCPeerConnection): void {
    const { audioTrack, videoTrack } = this.tracks;
    this.mic = pc.addTransceiver(audioTrack ?? 'audio', { direction: 'sendonly' });
    this.camera = pc.addTransceiver(videoTrack ?? 'video', {
      direction: 'sendonly',
      sendEncodings: simulcastLayers(videoTrack, this.maxVideoBitrate),
    });
    this.layers.use(this.camera.sender);
  }

  private tellMuteState(): void {
    const { audioTrack, videoTrack } = this.tracks;
    this.send({
      type: 'mute',
      mic: audioTrack?.enabled ?? false,
      camera: videoTrack?.enabled ?? false,
      screen: this.sharesScreen,
    });
  }

  private setLayout(layout: LayoutDescription, timestamp?: number): void {
    this.currentLayout = layout;
    this.emit('layout', { layout, timestamp });
  }

  private setSettings({ locked, lobby, recording, live }: RoomStatus): void {
    this.roomSettings = { locked, lobby, recording, live };
    this.emit('settings', this.roomSettings);
  }

  /** A viewer who was made a participant begins to send. */
  private async personChanged(participant: ParticipantState): Promise<void> {
    this.people.set(participant.id, participant);
    this.emit('participants', this.participants);
    const { pc } = this;
    if (participant.id !== this.ownId || !this.sends || this.mic || !pc) return;
    this.addSenders(pc);
    await this.offer(false);
    this.tellMuteState();
  }

  /** The server knows nothing of our connection any more; the tracks and their states are kept. */
  private dropMedia(): void {
    this.tracks = {
      audioTrack: this.mic?.sender.track ?? undefined,
      videoTrack: this.camera?.sender.track ?? undefined,
    };
    if (this.restartTimer) clearTimeout(this.restartTimer);
    this.restartTimer = undefined;
    if (this.pc) this.pc.onconnectionstatechange = null;
    this.pc?.close();
    this.pc = undefined;
    for (const track of this.stream.getTracks()) this.stream.removeTrack(track);
  }

  private async offer(iceRestart: boolean): Promise<void> {
    if (!this.pc) return;
    this.offerOwed = this.pc.signalingState !== 'stable';
    if (this.offerOwed) return;
    const { sdp } = await this.pc.createOffer({ iceRestart });
    await this.pc.setLocalDescription({ type: 'offer', sdp: withAudioNack(sdp ?? '') });
    this.send({ type: 'offer', sdp: this.pc.localDescription?.sdp ?? '' });
  }

  private send(message: ClientMessage): void {
    this.signal.send(message);
  }

  private mediaStateChanged(): void {
    const state = this.pc?.connectionState;
    if (state === 'connected') {
      if (this.restartTimer) clearTimeout(this.restartTimer);
      this.restartTimer = undefined;
      this.setState('connected');
    } else if (state === 'disconnected' || state === 'failed') {
      this.setState('reconnecting');
      // The network changed: new candidates over the same connection, no new one.
      this.restartTimer ??= setTimeout(
        () => {
          this.restartTimer = undefined;
          this.offer(true).catch((error: unknown) => this.fail(String(error)));
        },
        state === 'failed' ? 0 : RESTART_MS,
      );
    }
  }

  private setState(state: RoomState, reason?: string): void {
    if (this.currentState === state && state !== 'connected') return;
    if (this.currentState === 'left' || this.currentState === 'failed') return;
    this.currentState = state;
    this.emit('state', { state, reason });
  }

  private fail(reason: string): void {
    this.end('failed', reason);
  }

  private end(state: 'left' | 'failed', reason: string | undefined): void {
    if (this.restartTimer) clearTimeout(this.restartTimer);
    this.layers.use(undefined);
    this.setState(state, reason);
    // The leave message must be out before the socket closes; close() lets queued data go first.
    this.signal.close();
    this.pc?.close();
  }
}

function kindsOf({ mic, camera, screen }: MediaKinds): MediaKinds {
  return {
    ...(mic ? { mic } : {}),
    ...(camera ? { camera } : {}),
    ...(screen ? { screen } : {}),
  };
}

/** Browsers ask for lost audio again, and answer to it, but offer that only when told to. */
function withAudioNack(sdp: string): string {
  return sdp.replace(/^a=rtpmap:(\d+) opus\/48000.*$/gim, (line, payload) =>
    sdp.includes(`a=rtcp-fb:${payload} nack`) ? line : `${line}\r\na=rtcp-fb:${payload} nack`,
  );
}
