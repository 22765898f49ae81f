/**
 * A participant without codecs: sends prepared RTP (recorded, or broken on purpose) and counts what it
 * receives. Bots and the load generator use it.
 */
import WebSocket from 'ws';
import { TesseraError } from '../errors.js';
import {
  ClientPeer,
  type RawRtpHeader,
  type ReceivedRtp,
  type SentKind,
} from '../peer/client-peer.js';
import type { ClientMessage } from '../protocol/client-messages.js';
import type { VideoCodec } from '../protocol/codec-names.js';
import type { ServerMessage } from '../protocol/server-messages.js';
import type { FrameSize } from '../util/frame-size.js';

export interface RtpClientOptions {
  /** Of the server's `/signal`. */
  readonly url: string;
  readonly room: string;
  readonly name: string;
  readonly token?: string | undefined;
  /** Of what it sends, and receives unless something else is said. */
  readonly codec?: VideoCodec;
  readonly receiveCodec?: VideoCodec | undefined;
  readonly viewer?: boolean;
  /** Of the first video packet. */
  readonly sequence?: number;
  /** Only over IPv6. */
  readonly ipv6?: boolean;
  /** Answers connectivity checks, and makes none. */
  readonly iceLite?: boolean;
  /** False resolves once the answer is there. */
  readonly awaitConnection?: boolean;
  /** Changes the offer before it is sent. */
  readonly alterOffer?: (sdp: string) => string;
  /** False receives sound only. */
  readonly watch?: boolean;
  /** False receives nothing. */
  readonly receive?: boolean;
  /** Offers a second picture, to be a shared screen. */
  readonly screen?: boolean;
  /** Opens a data channel, and resolves once it is there. */
  readonly data?: boolean;
}

const CONNECT_MS = 20_000;

export class RtpClient {
  readonly errors: string[] = [];
  resumeToken = '';
  packetsReceived = { audio: 0, video: 0 };
  /** Frames received: markers on video. */
  videoFrames = 0;
  onVideoPayload: ((payload: Buffer, marker: boolean) => void) | undefined;
  /** Pixels that the server shows its camera in; undefined until it says so. */
  cameraShown: FrameSize | undefined;
  /** When the first composite packet came, on Date.now(). */
  firstVideoAt = 0;
  /** Longest step between the timestamps of two frames: gaps in what was sent, however it arrived. */
  longestStepMs = 0;
  private lastTimestamp: number | undefined;
  private readonly listeners = new Set<(packet: ReceivedRtp) => void>();

  private constructor(
    private readonly peer: ClientPeer,
    readonly socket: WebSocket,
  ) {
    peer.onRtp = (packet) => this.received(packet);
  }

  /** @throws TesseraError with the server's reason, or `unreachable`. */
  static async join(options: RtpClientOptions): Promise<RtpClient> {
    const { codec = 'vp8', viewer = false, ipv6 = false, receive = true, watch = true } = options;
    const { data = false, screen = false, iceLite = false } = options;
    const peer = new ClientPeer({
      codec,
      receiveCodec: options.receiveCodec,
      ipv6,
      iceLite,
      sends: !viewer,
      screen,
      data,
      receives: { audio: receive, video: receive && watch },
      videoSequence: options.sequence ?? 2000,
    });
    const query = options.token === undefined ? '' : `?access_token=${options.token}`;
    const client = new RtpClient(peer, new WebSocket(`${options.url}${query}`));
    try {
      await client.connect(options);
      if (data) await peer.dataOpen;
    } catch (error) {
      await client.close();
      throw error;
    }
    return client;
  }

  /** Video packets sent. */
  get sentVideo(): number {
    return this.peer.sentVideo;
  }

  /** Called with every message. */
  onRtp(listener: (packet: ReceivedRtp) => void): void {
    this.listeners.add(listener);
  }

  /** Called with every message of the data channel. */
  onData(listener: (text: string) => void): void {
    this.peer.onData = listener;
  }

  sendData(text: string): void {
    this.peer.sendData(text);
  }

  sendSctpPacket(packet: Buffer): Promise<void> {
    return this.peer.sendSctpPacket(packet);
  }

  sendSctpChunk(bytes: Buffer): Promise<void> {
    return this.peer.sendSctpChunk(bytes);
  }

  get nextTsn(): number {
    return this.peer.nextTsn;
  }

  send(message: ClientMessage | Record<string, unknown>): void {
    this.socket.send(JSON.stringify(message));
  }

  sendRtp(kind: SentKind, payloads: readonly Buffer[], timestamp: number): void {
    this.peer.sendRtp(kind, payloads, timestamp);
  }

  sendPacket(header: RawRtpHeader, payload: Buffer): Promise<void> {
    return this.peer.sendPacket(header, payload);
  }

  sendPlainRtp(bytes: Buffer): Promise<void> {
    return this.peer.sendPlainRtp(bytes);
  }

  sendRtcp(packets: { serialize(): Buffer }[]): Promise<void> {
    return this.peer.sendRtcp(packets);
  }

  requestKeyframe(): Promise<void> {
    return this.peer.requestKeyframe();
  }

  /** See {@link ClientPeer.tapMedia}; nothing is counted here from then on. */
  tapMedia(onDatagram: (data: Buffer) => void): void {
    this.peer.tapMedia(onDatagram);
  }

  async close(): Promise<void> {
    this.socket.close();
    await this.peer.close();
  }

  /** Leaves the room on purpose, with a `leave` message. */
  async leave(): Promise<void> {
    if (this.socket.readyState === WebSocket.OPEN) this.send({ type: 'leave' });
    await this.close();
  }

  private connect(options: RtpClientOptions): Promise<void> {
    const { socket } = this;
    const { room, name, viewer = false } = options;
    return new Promise<void>((resolve, reject) => {
      const late = setTimeout(() => {
        const error = this.errors.at(-1);
        reject(new Error(`${name} did not connect${error ? `: ${error}` : ''}`));
      }, CONNECT_MS);
      const done = () => {
        clearTimeout(late);
        resolve();
      };
      const fail = (error: Error) => {
        clearTimeout(late);
        reject(error);
      };
      socket.on('error', (cause) =>
        fail(new TesseraError('unreachable', `no server answers at ${options.url}`, { cause })),
      );
      socket.on('unexpected-response', (_request, { statusCode }) =>
        fail(new TesseraError('forbidden', `the server refused (status ${statusCode})`)),
      );
      socket.on('open', () => this.send({ type: 'join', room, name, viewer }));
      socket.on('close', (_code, reason) => fail(new Error(`${name} was closed: ${reason}`)));
      socket.on('message', (text: Buffer) => {
        const message = JSON.parse(text.toString()) as ServerMessage;
        this.handle(message, options, done).catch(fail);
      });
    });
  }

  private async handle(
    message: ServerMessage,
    { alterOffer, awaitConnection = true }: RtpClientOptions,
    done: () => void,
  ): Promise<void> {
    switch (message.type) {
      case 'welcome': {
        this.resumeToken = message.token;
        const sdp = await this.peer.offer();
        this.send({ type: 'offer', sdp: alterOffer?.(sdp) ?? sdp });
        break;
      }
      case 'answer':
        await this.peer.answered(message.sdp);
        if (!awaitConnection) done();
        break;
      case 'candidate':
        await this.peer.addCandidate(message.candidate);
        break;
      case 'error':
        this.errors.push(message.code);
        // Before the welcome it is the answer to joining.
        if (this.resumeToken === '')
          throw new TesseraError('forbidden', `${message.message} [${message.code}]`);
        break;
      case 'connection':
        if (message.state === 'connected') done();
        break;
      case 'cameraShown':
        this.cameraShown = { width: message.width, height: message.height };
        break;
      default:
        break;
    }
  }

  private received(packet: ReceivedRtp): void {
    const { kind, marker, timestamp, payload } = packet;
    this.packetsReceived[kind]++;
    for (const listener of this.listeners) listener(packet);
    if (kind !== 'video') return;
    if (this.firstVideoAt === 0) this.firstVideoAt = Date.now();
    if (marker) {
      this.videoFrames++;
      const step = ((timestamp - (this.lastTimestamp ?? timestamp)) | 0) / 90;
      this.longestStepMs = Math.max(this.longestStepMs, step);
      this.lastTimestamp = timestamp;
    }
    this.onVideoPayload?.(payload, marker);
  }
}
