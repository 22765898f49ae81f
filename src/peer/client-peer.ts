/**
 * The client's end of a call, without codecs: sends RTP payloads that the caller encoded and passes
 * received packets on. For bots, load tests and the tests themselves.
 */
import { randomUUID } from 'node:crypto';
import {
  MediaStreamTrack,
  type RTCDataChannel,
  RTCPeerConnection,
  RTCRtpCodecParameters,
  RtpHeader,
  RtpPacket,
} from 'werift';
import { UPLINK_VIDEO } from '../codecs/codecs.js';
import { UPLINK_VIDEO_CODECS, type VideoCodec } from '../protocol/codec-names.js';
import { rtpHeaderLength } from '../rtp/rtp-packet.js';
import { nowMicros } from '../util/clock.js';
import { ClientReports } from './client-reports.js';
import type {
  ClientSctpInternals,
  ConnectionInternals,
  Datagrams,
  SenderInternals,
} from './werift-internals.js';

export interface ClientPeerOptions {
  /** Codec that it sends, and receives unless `receiveCodec` is set. */
  readonly codec: VideoCodec;
  readonly receiveCodec?: VideoCodec | undefined;
  /** Sends microphone and camera, or (`audio`) a microphone alone. */
  readonly sends: boolean | 'audio';
  readonly receives: { readonly audio: boolean; readonly video: boolean };
  /** Offers a second video, for a shared screen. */
  readonly screen: boolean;
  /** Opens a data channel. */
  readonly data: boolean;
  /** Uses IPv6 only. */
  readonly ipv6: boolean;
  /** Answers connectivity checks, and makes none (RFC 8445, 2.5). */
  readonly iceLite?: boolean;
  /** Sequence number of the first video packet. */
  readonly videoSequence: number;
}

export interface ReceivedRtp {
  readonly kind: 'audio' | 'video';
  readonly sequence: number;
  readonly timestamp: number;
  readonly marker: boolean;
  readonly ssrc: number;
  readonly payload: Buffer;
}

/** An RTP header that is sent unchanged. */
export type RawRtpHeader = ConstructorParameters<typeof RtpHeader>[0];

/** What werift's SRTP reads of a header. */
type RawHeader = Pick<RtpHeader, 'ssrc' | 'sequenceNumber' | 'serializeSize' | 'serialize'>;

/** Without sources and extensions (RFC 3550, 5.1). */
const MIN_RTP_HEADER = 12;
const CONNECT_MS = 30_000;
const REPORT_MS = 1000;
const AUDIO_PAYLOAD_TYPE = 111;
const AUDIO_CLOCK_RATE = 48_000;
const VIDEO_CLOCK_RATE = 90_000;
const FIRST_VIDEO_PAYLOAD_TYPE = 96;

function videoFormat(codec: VideoCodec) {
  const { clockRate, sdp } = UPLINK_VIDEO[codec];
  const payloadType = FIRST_VIDEO_PAYLOAD_TYPE + UPLINK_VIDEO_CODECS.indexOf(codec);
  const { encodingName, clientParameters } = sdp;
  const parameters = clientParameters === undefined ? {} : { parameters: clientParameters };
  return { mimeType: `video/${encodingName}`, clockRate, payloadType, ...parameters };
}
const VIDEO_FEEDBACK = [
  { type: 'nack' },
  { type: 'nack', parameter: 'pli' },
  { type: 'ccm', parameter: 'fir' },
];

export type SentKind = 'audio' | 'video' | 'screen';

export class ClientPeer {
  onRtp: ((packet: ReceivedRtp) => void) | undefined;
  onData: ((text: string) => void) | undefined;
  /** Video packets sent. */
  sentVideo = 0;
  private readonly sequence: Record<SentKind, number>;
  private videoSsrc = 0;
  private readonly pc: RTCPeerConnection;
  private readonly reports = new ClientReports(randomUUID());
  private reportTimer: NodeJS.Timeout | undefined;
  private channel: RTCDataChannel | undefined;
  private dataOpened = () => {};
  private readonly tracks = {
    audio: new MediaStreamTrack({ kind: 'audio' }),
    video: new MediaStreamTrack({ kind: 'video' }),
    screen: new MediaStreamTrack({ kind: 'video' }),
  };

  constructor(private readonly options: ClientPeerOptions) {
    const { codec, receiveCodec = codec, sends, receives, screen, data, ipv6 } = options;
    const { videoSequence } = options;
    this.sequence = { audio: 1000, video: videoSequence, screen: 3000 };
    const audio = { mimeType: 'audio/opus', clockRate: AUDIO_CLOCK_RATE, channels: 2 };
    this.pc = new RTCPeerConnection({
      bundlePolicy: 'max-bundle',
      iceServers: [],
      iceAdditionalHostAddresses: [ipv6 ? '::1' : '127.0.0.1'],
      iceUseIpv4: !ipv6,
      iceUseIpv6: ipv6,
      iceLite: options.iceLite ?? false,
      codecs: {
        audio: [new RTCRtpCodecParameters({ ...audio, payloadType: AUDIO_PAYLOAD_TYPE })],
        video: [...new Set([codec, receiveCodec])].map(
          (name) =>
            new RTCRtpCodecParameters({ ...videoFormat(name), rtcpFeedback: VIDEO_FEEDBACK }),
        ),
      },
    });
    if (sends) {
      const isBoth = sends === 'audio' && receives.audio;
      this.pc.addTransceiver(this.tracks.audio, { direction: isBoth ? 'sendrecv' : 'sendonly' });
      if (sends !== 'audio') this.pc.addTransceiver(this.tracks.video, { direction: 'sendonly' });
    }
    if (receives.audio && sends !== 'audio')
      this.pc.addTransceiver('audio', { direction: 'recvonly' });
    if (receives.video) this.pc.addTransceiver('video', { direction: 'recvonly' });
    if (screen) this.pc.addTransceiver(this.tracks.screen, { direction: 'sendonly' });
    if (data) {
      this.channel = this.pc.createDataChannel('tessera');
      this.channel.onMessage.subscribe((text) => this.onData?.(text.toString()));
      this.channel.stateChanged.subscribe((state) => {
        if (state === 'open') this.dataOpened();
      });
    }
    for (const { sender } of this.pc.getTransceivers()) {
      // Keeps werift from starting its own loop of reports.
      (sender as unknown as SenderInternals).rtcpRunning = true;
    }
    this.pc.onTrack.subscribe((track) => {
      const kind = track.kind as 'audio' | 'video';
      track.onReceiveRtp.subscribe((packet) => this.received(kind, packet));
    });
  }

  /** Resolves once the data channel is open. */
  readonly dataOpen = new Promise<void>((resolve) => {
    this.dataOpened = resolve;
  });

  sendData(text: string): void {
    this.channel?.send(text);
  }

  /** Encrypts and sends bytes as an SCTP packet, whatever they are. */
  async sendSctpPacket(packet: Buffer): Promise<void> {
    await this.pc.sctpTransport?.dtlsTransport.sendData(packet);
  }

  /** Sends a chunk (RFC 9260, 3.2) unchanged, in a valid packet. */
  async sendSctpChunk(bytes: Buffer): Promise<void> {
    await this.sctp.sendChunk({ type: bytes[0] ?? 0, bytes });
  }

  /** Transmission sequence number of the next data chunk. */
  get nextTsn(): number {
    return this.sctp.localTsn;
  }

  async offer(): Promise<string> {
    await this.pc.setLocalDescription(await this.pc.createOffer());
    return this.pc.localDescription?.sdp ?? '';
  }

  /** Answers another client's offer, without a server. */
  async answer(offer: string): Promise<string> {
    await this.pc.setRemoteDescription({ type: 'offer', sdp: offer });
    await this.pc.setLocalDescription(await this.pc.createAnswer());
    return this.pc.localDescription?.sdp ?? '';
  }

  async answered(sdp: string): Promise<void> {
    await this.pc.setRemoteDescription({ type: 'answer', sdp });
  }

  async addCandidate(candidate: string): Promise<void> {
    await this.pc.addIceCandidate({ candidate, sdpMLineIndex: 0 });
  }

  /** Sends payloads as one frame. */
  sendRtp(kind: SentKind, payloads: readonly Buffer[], timestamp: number): void {
    payloads.forEach((payload, index) => {
      const sequenceNumber = this.sequence[kind];
      if (kind === 'video') this.sentVideo++;
      this.sequence[kind] = (sequenceNumber + 1) & 0xffff;
      const header = new RtpHeader({
        payloadType:
          kind === 'audio' ? AUDIO_PAYLOAD_TYPE : videoFormat(this.options.codec).payloadType,
        sequenceNumber,
        timestamp: timestamp >>> 0,
        marker: kind !== 'audio' && index === payloads.length - 1,
      });
      // The track's sender completes the header with what was negotiated.
      this.tracks[kind].writeRtp(new RtpPacket(header, payload));
      this.reported(header, payload);
    });
  }

  /** Encrypts and sends a packet unchanged, with any SSRC. */
  async sendPacket(header: RawRtpHeader, payload: Buffer): Promise<void> {
    const complete = new RtpHeader(header);
    this.reported(complete, payload);
    await this.pc.dtlsTransports[0]?.sendRtp(payload, complete);
  }

  /** Encrypts and sends bytes as an RTP packet, whatever they are, for hostile test clients. */
  async sendPlainRtp(bytes: Buffer): Promise<void> {
    const length = Math.max(MIN_RTP_HEADER, rtpHeaderLength(bytes));
    if (bytes.length < length) return;
    const header: RawHeader = {
      ssrc: bytes.readUInt32BE(8),
      sequenceNumber: bytes.readUInt16BE(2),
      serializeSize: length,
      serialize: () => Buffer.from(bytes.subarray(0, length)),
    };
    await this.pc.dtlsTransports[0]?.sendRtp(bytes.subarray(length), header as RtpHeader);
  }

  /** Encrypts and sends RTCP unchanged. */
  async sendRtcp(packets: { serialize(): Buffer }[]): Promise<void> {
    await this.pc.dtlsTransports[0]?.sendRtcp(packets as never);
  }

  /** Asks for a keyframe of the composite (PLI), as a decoder does after a loss. */
  async requestKeyframe(): Promise<void> {
    for (const { receiver, kind } of this.pc.getTransceivers()) {
      if (kind === 'video' && this.videoSsrc) await receiver.sendRtcpPLI(this.videoSsrc);
    }
  }

  /**
   * From now on RTP and RTCP go to `onDatagram` as they arrive, encrypted, and are not read: for load
   * tests, whose receivers must cost little. Call it once connected.
   */
  tapMedia(onDatagram: (data: Buffer) => void): void {
    const [ice] = this.pc.iceTransports;
    if (!ice) return;
    const { protocols } = ice.connection as unknown as ConnectionInternals;
    for (const { transport } of protocols) {
      const datagrams = transport as unknown as Datagrams;
      const toWerift = datagrams.onData;
      datagrams.socket?.setRecvBufferSize(1 << 20);
      datagrams.onData = (data, address) => {
        const first = data[0] as number;
        if (first > 127 && first < 192) onDatagram(data);
        else toWerift(data, address);
      };
    }
  }

  async connected(): Promise<void> {
    if (this.pc.connectionState === 'connected') return;
    await this.pc.connectionStateChange.watch((state) => state === 'connected', CONNECT_MS);
  }

  async close(): Promise<void> {
    clearInterval(this.reportTimer);
    await this.pc.close();
  }

  private reported({ ssrc, timestamp, payloadType }: RtpHeader, payload: Buffer): void {
    const clockRate = payloadType === AUDIO_PAYLOAD_TYPE ? AUDIO_CLOCK_RATE : VIDEO_CLOCK_RATE;
    this.reportTimer ??= setInterval(() => this.sendReports(), REPORT_MS);
    this.reports.sent(ssrc, timestamp, clockRate, payload.length, nowMicros());
  }

  private sendReports(): void {
    const compounds = this.reports.reports(nowMicros());
    for (const compound of compounds) {
      this.sendRtcp([{ serialize: () => compound }]).catch(() => {});
    }
  }

  private get sctp(): ClientSctpInternals {
    return this.pc.sctpTransport?.sctp as unknown as ClientSctpInternals;
  }

  private received(kind: 'audio' | 'video', { header, payload }: RtpPacket): void {
    const { sequenceNumber: sequence, timestamp, marker, ssrc } = header;
    if (kind === 'video') this.videoSsrc = ssrc;
    this.onRtp?.({ kind, sequence, timestamp, marker, ssrc, payload });
  }
}
