/** What this client sends: microphone, camera with its simulcast layers, and screen. */

import type { ClientMessage } from '../../src/protocol/client-messages.js';
import type { MediaKinds, RoomOptions } from './room-options.js';
import { ScreenShare } from './screen-share.js';
import { CameraLayers, type Size, simulcastLayers } from './simulcast.js';

const MAX_VIDEO_BITRATE = 1_500_000;

export interface LocalMediaEvents {
  send(message: ClientMessage): void;
  /** M-lines were added: the connection must be negotiated. */
  negotiate(): Promise<void>;
  onScreen(sharing: boolean): void;
  /** The camera's layers could not be changed. The call goes on. */
  onLayersFailed(error: unknown): void;
}

export class LocalMedia {
  private mic: RTCRtpTransceiver | undefined;
  private camera: RTCRtpTransceiver | undefined;
  /** For the next connection. */
  private tracks: Pick<RoomOptions, 'audioTrack' | 'videoTrack'>;
  private readonly maxBitrate: number;
  private readonly screen = new ScreenShare(() => this.stopScreen());
  private readonly layers: CameraLayers;

  constructor(
    { audioTrack, videoTrack, maxVideoBitrate = MAX_VIDEO_BITRATE }: RoomOptions,
    private readonly events: LocalMediaEvents,
  ) {
    this.tracks = { audioTrack, videoTrack };
    this.maxBitrate = maxVideoBitrate;
    this.layers = new CameraLayers(maxVideoBitrate, events.onLayersFailed);
  }

  /** The camera's track. Its `enabled` is false while the camera is off. */
  get cameraTrack(): MediaStreamTrack | undefined {
    return this.camera?.sender.track ?? undefined;
  }

  /** Whether microphone and camera are part of the connection. */
  get isAdded(): boolean {
    return this.mic !== undefined;
  }

  get sharesScreen(): boolean {
    return this.screen.stream !== undefined;
  }

  /** Adds the m-lines of microphone and camera, in this order. */
  add(pc: RTCPeerConnection): void {
    const { audioTrack, videoTrack } = this.tracks;
    this.mic = pc.addTransceiver(audioTrack ?? 'audio', { direction: 'sendonly' });
    this.camera = pc.addTransceiver(videoTrack ?? 'video', {
      direction: 'sendonly',
      sendEncodings: simulcastLayers(videoTrack, this.maxBitrate),
    });
    this.layers.use(this.camera.sender);
  }

  /** Adds a screen that is being shared already. */
  async addScreen(pc: RTCPeerConnection): Promise<void> {
    const { stream } = this.screen;
    if (stream) await this.screen.start(pc, stream);
  }

  /** The connection is about to end. Keeps its tracks for the next one. */
  keepTracks(): void {
    const { mic, cameraTrack } = this;
    if (mic) this.tracks = { audioTrack: mic.sender.track ?? undefined, videoTrack: cameraTrack };
  }

  /** Another connection starts, which has nothing of this yet. */
  reset(): void {
    this.mic = undefined;
    this.camera = undefined;
  }

  /** Tells the server what is on. */
  announce(): void {
    const { audioTrack, videoTrack } = this.tracks;
    this.events.send({
      type: 'mute',
      mic: audioTrack?.enabled ?? false,
      camera: videoTrack?.enabled ?? false,
      screen: this.sharesScreen,
    });
  }

  setMicEnabled(enabled: boolean): void {
    this.enable(this.mic, enabled);
    this.events.send({ type: 'mute', mic: enabled });
  }

  setCameraEnabled(enabled: boolean): void {
    this.enable(this.camera, enabled);
    this.events.send({ type: 'mute', camera: enabled });
  }

  /** A host switched these off. */
  muted({ mic, camera, screen }: MediaKinds): void {
    if (mic) this.enable(this.mic, false);
    if (camera) this.enable(this.camera, false);
    if (screen) this.stopScreen();
  }

  async replaceTrack(kind: 'audio' | 'video', track: MediaStreamTrack | null): Promise<void> {
    const sender = (kind === 'audio' ? this.mic : this.camera)?.sender;
    await sender?.replaceTrack(track);
    if (kind === 'video' && sender && track) await this.layers.update();
  }

  /** The server says at which size the camera is shown. */
  cameraShown(size: Size): void {
    this.layers.shownAt(size);
  }

  /** @param stream its tracks are stopped when the share ends. */
  async shareScreen(pc: RTCPeerConnection, stream: MediaStream): Promise<void> {
    const added = await this.screen.start(pc, stream);
    if (added) await this.events.negotiate();
    this.events.send({ type: 'mute', screen: true });
    this.events.onScreen(true);
  }

  stopScreen(): void {
    if (!this.sharesScreen) return;
    this.screen.stop();
    this.events.send({ type: 'mute', screen: false });
    this.events.onScreen(false);
  }

  /** Stops timers. The caller owns the tracks of microphone and camera. */
  close(): void {
    this.layers.use(undefined);
  }

  private enable(transceiver: RTCRtpTransceiver | undefined, enabled: boolean): void {
    if (transceiver?.sender.track) transceiver.sender.track.enabled = enabled;
  }
}
