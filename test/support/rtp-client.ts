/**
 * A client that sends RTP made elsewhere (recorded, or broken on purpose) and counts what it gets,
 * without any codec: for tests of bad media and as the load generator of the benches.
 */
import {
  MediaStreamTrack,
  RTCPeerConnection,
  RTCRtpCodecParameters,
  RtpHeader,
  RtpPacket,
} from 'werift';
import WebSocket from 'ws';

export interface RtpClientOptions {
  readonly url: string;
  readonly room: string;
  readonly name: string;
  readonly codec?: 'vp8' | 'h264';
  readonly viewer?: boolean;
  /** Of the first video packet. */
  readonly sequence?: number;
  /** Only over IPv6. */
  readonly ipv6?: boolean;
  /** False resolves once the answer is there. */
  readonly awaitConnection?: boolean;
  /** Changes the offer before it is sent. */
  readonly alterOffer?: (sdp: string) => string;
  /** False receives sound only. */
  readonly watch?: boolean;
}

const VIDEO = {
  vp8: { mimeType: 'video/VP8', clockRate: 90_000, payloadType: 96 },
  h264: {
    mimeType: 'video/H264',
    clockRate: 90_000,
    payloadType: 97,
    parameters: 'profile-level-id=42e01f;packetization-mode=1;level-asymmetry-allowed=1',
  },
} as const;

export class RtpClient {
  readonly errors: string[] = [];
  resumeToken = '';
  packetsReceived = { audio: 0, video: 0 };
  /** Frames received: markers on video. */
  videoFrames = 0;
  onVideoPayload: ((payload: Buffer, marker: boolean) => void) | undefined;
  /** When the first composite packet came, on Date.now(). */
  firstVideoAt = 0;
  /** Longest step between the timestamps of two frames: gaps in what was sent, however it arrived. */
  longestStepMs = 0;
  private videoSsrc = 0;
  private lastTimestamp: number | undefined;
  /** Video packets sent. */
  sentVideo = 0;
  private sequence = { audio: 1000, video: 2000 };
  private readonly tracks = {
    audio: new MediaStreamTrack({ kind: 'audio' }),
    video: new MediaStreamTrack({ kind: 'video' }),
  };

  private constructor(
    private readonly pc: RTCPeerConnection,
    readonly socket: WebSocket,
    private readonly videoPayloadType: number,
  ) {}

  static async join(options: RtpClientOptions): Promise<RtpClient> {
    const video = VIDEO[options.codec ?? 'vp8'];
    const feedback = [
      { type: 'nack' },
      { type: 'nack', parameter: 'pli' },
      { type: 'ccm', parameter: 'fir' },
    ];
    const pc = new RTCPeerConnection({
      bundlePolicy: 'max-bundle',
      iceServers: [],
      iceAdditionalHostAddresses: [options.ipv6 ? '::1' : '127.0.0.1'],
      iceUseIpv4: !options.ipv6,
      iceUseIpv6: options.ipv6 ?? false,
      codecs: {
        audio: [
          new RTCRtpCodecParameters({
            mimeType: 'audio/opus',
            clockRate: 48_000,
            channels: 2,
            payloadType: 111,
          }),
        ],
        video: [new RTCRtpCodecParameters({ ...video, rtcpFeedback: feedback })],
      },
    });
    const socket = new WebSocket(options.url);
    const client = new RtpClient(pc, socket, video.payloadType);
    client.sequence.video = options.sequence ?? client.sequence.video;
    if (!options.viewer) {
      pc.addTransceiver(client.tracks.audio, { direction: 'sendonly' });
      pc.addTransceiver(client.tracks.video, { direction: 'sendonly' });
    }
    pc.addTransceiver('audio', { direction: 'recvonly' });
    if (options.watch !== false) pc.addTransceiver('video', { direction: 'recvonly' });
    pc.onTrack.subscribe((track) => {
      track.onReceiveRtp.subscribe((packet) =>
        client.receive(track.kind as 'audio' | 'video', packet),
      );
    });
    await new Promise<void>((resolve, reject) => {
      const late = setTimeout(() => reject(new Error(`${options.name} did not connect`)), 20_000);
      socket.on('error', reject);
      socket.on('open', () =>
        client.send({
          type: 'join',
          room: options.room,
          name: options.name,
          viewer: options.viewer ?? false,
        }),
      );
      socket.on('message', async (text: Buffer) => {
        const message = JSON.parse(text.toString());
        if (message.type === 'welcome') {
          client.resumeToken = message.token;
          await pc.setLocalDescription(await pc.createOffer());
          const { sdp } = pc.localDescription ?? { sdp: '' };
          client.send({ type: 'offer', sdp: options.alterOffer?.(sdp) ?? sdp });
        }
        if (message.type === 'answer')
          await pc.setRemoteDescription({ type: 'answer', sdp: message.sdp });
        if (message.type === 'answer' && options.awaitConnection === false) {
          clearTimeout(late);
          resolve();
        }
        if (message.type === 'candidate') {
          await pc.addIceCandidate({ candidate: message.candidate, sdpMLineIndex: 0 });
        }
        if (message.type === 'error') client.errors.push(message.code);
        if (message.type === 'connection' && message.state === 'connected') {
          clearTimeout(late);
          resolve();
        }
      });
    });
    return client;
  }

  send(message: unknown): void {
    this.socket.send(JSON.stringify(message));
  }

  /** Sends payloads as one frame. */
  sendRtp(kind: 'audio' | 'video', payloads: readonly Buffer[], timestamp: number): void {
    payloads.forEach((payload, index) => {
      const sequenceNumber = this.sequence[kind];
      if (kind === 'video') this.sentVideo++;
      this.sequence[kind] = (sequenceNumber + 1) & 0xffff;
      const header = new RtpHeader({
        payloadType: kind === 'audio' ? 111 : this.videoPayloadType,
        sequenceNumber,
        timestamp: timestamp >>> 0,
        marker: kind === 'video' && index === payloads.length - 1,
      });
      this.tracks[kind].writeRtp(new RtpPacket(header, payload));
    });
  }

  /** Encrypts and sends a packet as it is, with any SSRC. */
  async sendPacket(header: ConstructorParameters<typeof RtpHeader>[0], payload: Buffer) {
    await this.pc.dtlsTransports[0]?.sendRtp(payload, new RtpHeader(header));
  }

  /** Encrypts and sends RTCP as it is. */
  async sendRtcp(packets: { serialize(): Buffer }[]) {
    await this.pc.dtlsTransports[0]?.sendRtcp(packets as never);
  }

  /** Asks for a keyframe of the composite, as a decoder in trouble would. */
  async requestKeyframe(): Promise<void> {
    for (const { receiver, kind } of this.pc.getTransceivers()) {
      if (kind === 'video' && this.videoSsrc) await receiver.sendRtcpPLI(this.videoSsrc);
    }
  }

  async close(): Promise<void> {
    this.socket.close();
    await this.pc.close();
  }

  private receive(kind: 'audio' | 'video', packet: RtpPacket): void {
    this.packetsReceived[kind]++;
    if (kind !== 'video') return;
    this.videoSsrc = packet.header.ssrc;
    if (this.firstVideoAt === 0) this.firstVideoAt = Date.now();
    const { marker, timestamp } = packet.header;
    if (marker) {
      this.videoFrames++;
      const step = ((timestamp - (this.lastTimestamp ?? timestamp)) | 0) / 90;
      this.longestStepMs = Math.max(this.longestStepMs, step);
      this.lastTimestamp = timestamp;
    }
    this.onVideoPayload?.(packet.payload, packet.header.marker);
  }
}
