/**
 * One call in one room: joins its parts (socket, media connection, own media, data channel, model) and
 * offers them to the page. It uses no DOM: it takes tracks and gives one stream.
 */

import type { ChatState } from '../../src/protocol/chat.js';
import type { ClientMessage } from '../../src/protocol/client-messages.js';
import type { IceServer } from '../../src/protocol/ice-server.js';
import type { LayoutDescription } from '../../src/protocol/layout.js';
import type { Moderate } from '../../src/protocol/moderation.js';
import type { ParticipantState, WaitingState } from '../../src/protocol/participants.js';
import type { RoomStatus } from '../../src/protocol/room-status.js';
import type { ServerMessage } from '../../src/protocol/server-messages.js';
import { DataChannel } from './data-channel.js';
import { Emitter } from './events.js';
import { LocalMedia } from './local-media.js';
import { MediaConnection } from './media-connection.js';
import { handle, messageHandlers } from './message-handlers.js';
import { RoomRecordings } from './recordings.js';
import type { EmitRoomEvent, RoomEvents, RoomState } from './room-events.js';
import { RoomModel } from './room-model.js';
import type { ModerationAction, ReceiveLimits, RoomOptions } from './room-options.js';
import { SignalConnection } from './signal-connection.js';

const CONNECT_MS = 20_000;

export class Room extends Emitter<RoomEvents> {
  /** The composite and the mix, to be played as one. */
  readonly stream: MediaStream;
  /** Lists, plays, starts and stops the recordings of the room. */
  readonly recordings: RoomRecordings;
  private readonly model: RoomModel;
  private readonly signal: SignalConnection;
  private readonly media: MediaConnection;
  private readonly local: LocalMedia;
  private readonly data: DataChannel;
  private readonly received: (message: ServerMessage) => void;
  private receiveLimits: ReceiveLimits | undefined;

  private constructor(private readonly options: RoomOptions) {
    super();
    const emit: EmitRoomEvent = (name, value) => this.emit(name, value);
    const send = (message: ClientMessage) => this.signal.send(message);
    const fail = (error: unknown) => this.end('failed', String(error));
    this.model = new RoomModel(emit);
    this.media = new MediaConnection({
      send,
      onConnected: () => this.model.setState('connected'),
      onInterrupted: () => this.model.setState('reconnecting'),
      onFailed: fail,
      expectsPicture: () =>
        (options.receiveVideo ?? true) && this.rendition !== this.renditions.at(-1),
      onMissing: (mix) => this.missing(mix),
    });
    this.stream = this.media.stream;
    this.local = new LocalMedia(options, {
      send,
      negotiate: () => this.media.offer(),
      onScreen: (sharing) => emit('screen', { sharing }),
      onLayersFailed: (error) =>
        emit('error', { code: 'camera_layers', message: String(error), next: undefined }),
    });
    this.recordings = new RoomRecordings(options, () => send({ type: 'recordings' }));
    const handlers = messageHandlers({
      model: this.model,
      media: this.media,
      local: this.local,
      recordings: this.recordings,
      emit,
      onWelcome: (message) => this.welcomed(message),
      onChanged: () => this.startSending(),
      onError: (message) => this.refused(message),
    });
    this.received = (message) => {
      handle(handlers, message).catch(fail);
    };
    this.data = new DataChannel(this.received, send);
    this.signal = new SignalConnection(options.url, options.token);
    this.signal.on('lost', () => this.model.setState('reconnecting'));
    this.signal.on('rejoining', () => this.dropMedia());
    this.signal.on('closed', fail);
    this.signal.on('message', this.received);
  }

  /**
   * Joins a room. Resolves when media flows, rejects with the reason if it cannot.
   * @param onCreated gets the room at once, to show its state while it waits in a lobby.
   */
  static async connect(options: RoomOptions, onCreated?: (room: Room) => void): Promise<Room> {
    const room = new Room(options);
    onCreated?.(room);
    const { name, viewer = false } = options;
    const named = name === undefined || name === '' ? {} : { name };
    room.signal.open({ type: 'join', room: options.room, ...named, viewer });
    await new Promise<void>((resolve, reject) => {
      const startTimer = () =>
        setTimeout(() => room.end('failed', 'no connection within 20 s'), CONNECT_MS);
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
    return this.model.state;
  }

  /** The user's own participant id. */
  get id(): string {
    return this.model.ownId;
  }

  /** In order of joining. */
  get participants(): readonly ParticipantState[] {
    return this.model.participants;
  }

  /** The user's own role. */
  get role(): ParticipantState['role'] {
    return this.model.self?.role ?? 'participant';
  }

  /** Whether the room is locked, has a lobby, is recorded, is live. */
  get settings(): RoomStatus {
    return this.model.status;
  }

  /** What the composite shows, and where. */
  get layout(): LayoutDescription {
    return this.model.layout;
  }

  /** Ids of the participants who speak. */
  get speaking(): readonly string[] {
    return this.model.speaking;
  }

  /** To hosts: everybody who waits in the lobby. */
  get lobby(): readonly WaitingState[] {
    return this.model.lobby;
  }

  /** Oldest first. */
  get chat(): readonly ChatState[] {
    return this.model.chat;
  }

  /** What may be received, best first. The last is audio only. */
  get renditions(): readonly string[] {
    return this.model.renditions;
  }

  /** What is received now. Undefined before the first frame. */
  get rendition(): string | undefined {
    return this.model.rendition;
  }

  /** The camera's track. Its `enabled` is false while the camera is off. */
  get cameraTrack(): MediaStreamTrack | undefined {
    return this.local.cameraTrack;
  }

  get sharesScreen(): boolean {
    return this.local.sharesScreen;
  }

  /** For statistics. */
  get peerConnection(): RTCPeerConnection | undefined {
    return this.media.peerConnection;
  }

  /** Writes to everybody. If it is refused (over 4096 bytes, too fast), there is an `error` event. */
  sendChat(text: string): void {
    this.data.send({ type: 'chat', text });
  }

  /**
   * Sends an application's own message.
   * @param data any JSON value of at most 4096 bytes.
   * @param to ids of participants; everybody else by default.
   */
  sendMessage(topic: string, data: unknown, to?: readonly string[]): void {
    this.data.send({ type: 'message', topic, data, ...(to === undefined ? {} : { to: [...to] }) });
  }

  /** For hosts. If it is refused, there is an `error` event. */
  moderate(action: ModerationAction): void {
    this.signal.send({ type: 'moderate', ...action } as Moderate);
  }

  /** Others see it at once. The track is kept, so that switching on is immediate. */
  setMicEnabled(enabled: boolean): void {
    this.local.setMicEnabled(enabled);
  }

  /** Others see it at once. The track is kept, so that switching on is immediate. */
  setCameraEnabled(enabled: boolean): void {
    this.local.setCameraEnabled(enabled);
  }

  /** Limits what is received. The server sends less when the network is slow. */
  setReceive(limits: ReceiveLimits): void {
    this.receiveLimits = limits;
    this.signal.send({ type: 'receive', ...limits });
  }

  /**
   * Shares a screen, window or tab, with its audio if it has any.
   * @param stream of `getDisplayMedia`. Its tracks are stopped when the share ends.
   */
  async shareScreen(stream: MediaStream): Promise<void> {
    const { peerConnection } = this.media;
    if (!peerConnection) throw new Error('there is no connection to share over');
    await this.local.shareScreen(peerConnection, stream);
  }

  stopScreenShare(): void {
    this.local.stopScreen();
  }

  /** Sends another device's track in place of the current one. Nothing is renegotiated. */
  replaceTrack(kind: 'audio' | 'video', track: MediaStreamTrack | null): Promise<void> {
    return this.local.replaceTrack(kind, track);
  }

  /** Restarts ICE. The SDK does it by itself when media stops. */
  restartIce(): Promise<void> {
    return this.media.restartIce();
  }

  leave(): void {
    const { state } = this.model;
    if (state === 'left' || state === 'failed') return;
    if (state !== 'waiting') this.signal.send({ type: 'leave' });
    this.end('left');
  }

  private async welcomed({
    resumed,
    iceServers,
  }: Extract<ServerMessage, { type: 'welcome' }>): Promise<void> {
    if (this.receiveLimits) this.signal.send({ type: 'receive', ...this.receiveLimits });
    if (resumed) {
      this.media.setIceServers(iceServers);
      this.media.checkState();
    } else await this.startMedia(iceServers);
  }

  /** Fixed m-lines: microphone, camera, data, one audio and one video to receive, screen. */
  private async startMedia(iceServers: readonly IceServer[]): Promise<void> {
    const { receiveVideo = true } = this.options;
    const { local, sends } = this;
    await this.media.start(iceServers, async (pc) => {
      local.reset();
      if (sends) local.add(pc);
      this.data.add(pc);
      pc.addTransceiver('audio', { direction: 'recvonly' });
      if (receiveVideo) pc.addTransceiver('video', { direction: 'recvonly' });
      if (sends) await local.addScreen(pc);
    });
    local.announce();
  }

  /** A viewer who became a participant starts to send. */
  private async startSending(): Promise<void> {
    const { peerConnection } = this.media;
    if (!this.sends || this.local.isAdded || !peerConnection) return;
    this.local.add(peerConnection);
    await this.media.offer();
    this.local.announce();
  }

  private get sends(): boolean {
    return this.model.self?.viewer === false;
  }

  /** The server does not know this connection any more. The tracks are kept. */
  private dropMedia(): void {
    this.local.keepTracks();
    this.media.drop();
  }

  /** Before media has started, an error of the server ends the call. */
  private refused({ code, message }: Extract<ServerMessage, { type: 'error' }>): void {
    // After `shutting_down` the socket connects again by itself.
    if (!this.media.peerConnection && code !== 'shutting_down') this.end('failed', message);
  }

  private missing(mix: boolean): void {
    this.signal.send({ type: 'missing', mix });
    if (!mix) return;
    const message = 'nothing that the server sends could be played within 5 s';
    this.emit('error', { code: 'media_missing', message, next: 'Join again.' });
  }

  private end(state: 'left' | 'failed', reason?: string): void {
    this.local.close();
    this.model.setState(state, reason);
    // The leave message must be sent before the socket closes: close() sends what is queued.
    this.signal.close();
    this.media.close();
  }
}
