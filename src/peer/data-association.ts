/**
 * The data channel of one connection (RFC 8831): text messages on stream 0, or on the stream that the
 * client opens (RFC 8832). SCTP is werift's, guarded: an exception in it, or too much buffered data,
 * ends the association and nothing else. Callers may rely on: listeners get whole messages of at most
 * MAX_MESSAGE_BYTES, and are not called after `close()`.
 */
import { type RTCDtlsTransport, RTCSctpTransport } from 'werift';
import { nowMicros } from '../util/clock.js';
import { TokenBucket } from '../util/token-bucket.js';
import type { SctpInternals } from './werift-internals.js';

/** Longest message in both directions. */
export const MAX_MESSAGE_BYTES = 64 * 1024;
export const SCTP_PORT = 5000;
const MAX_PACKETS_PER_SECOND = 500;
/** Chunks that may wait for an earlier one. */
const MAX_MISORDERED = 512;
/** Chunks that may wait for the client's acknowledgement. */
const MAX_QUEUED_CHUNKS = 1024;
/** Payload protocol identifiers (RFC 8831, 8). */
const DCEP = 50;
const TEXT = 51;
/** Messages of RFC 8832, 5. */
const DATA_CHANNEL_OPEN = 3;
const DATA_CHANNEL_ACK = Buffer.from([2]);

export interface DataAssociationEvents {
  onOpen(): void;
  onMessage(text: string): void;
  /** The channel is closed for good; the call goes on without it. */
  onClosed(reason: string): void;
}

export interface DataAssociationCounters {
  data_messages_received: number;
  data_messages_sent: number;
  /** Packets over the rate limit, malformed ones, and messages that are not text or too long. */
  data_packets_refused: number;
}

export function dataAssociationCounters(): DataAssociationCounters {
  return { data_messages_received: 0, data_messages_sent: 0, data_packets_refused: 0 };
}

export class DataAssociation {
  readonly counters = dataAssociationCounters();
  private readonly transport = new RTCSctpTransport(SCTP_PORT, MAX_MESSAGE_BYTES);
  private readonly sctp: SctpInternals;
  private readonly limit = new TokenBucket(MAX_PACKETS_PER_SECOND);
  /** The stream that messages go out on: the client's latest. */
  private stream = 0;
  private closed = false;

  /** @param dtls connected, or about to be. */
  constructor(
    private readonly dtls: RTCDtlsTransport,
    private readonly events: DataAssociationEvents,
  ) {
    this.transport.setDtlsTransport(dtls);
    this.sctp = this.transport.sctp as unknown as SctpInternals;
    const { sctp } = this;
    sctp.onReceive.allUnsubscribe();
    sctp.onReceive.subscribe((stream, protocol, data) => this.receive(stream, protocol, data));
    sctp.stateChanged.connected.subscribe(() => this.guarding(() => this.events.onOpen()));
    sctp.stateChanged.closed.subscribe(() => this.end('closed by the client'));
    // A packet that cannot be sent is lost, as on any network. SCTP repeats it.
    sctp.transport.send = (data) => dtls.sendData(data).catch(() => {});
    dtls.dataReceiver = (data) => this.deliver(data);
  }

  /** @param remotePort SCTP port of the client (RFC 8841, 5). */
  async start(remotePort: number): Promise<void> {
    await this.transport.start(remotePort);
  }

  /** @returns false if it could not be queued: the client acknowledges too little, or is not connected. */
  send(text: string): boolean {
    if (this.closed || this.transport.sctp.state !== 'connected') return false;
    if (this.sctp.outboundQueue.length > MAX_QUEUED_CHUNKS) {
      this.end('the client acknowledges too little');
      return false;
    }
    this.counters.data_messages_sent++;
    this.write(this.stream, TEXT, Buffer.from(text));
    return true;
  }

  async close(): Promise<void> {
    if (this.closed) return;
    this.closed = true;
    this.dtls.dataReceiver = () => {};
    await this.transport.stop().catch(() => {});
  }

  private write(stream: number, protocol: number, data: Buffer): void {
    this.transport.sctp
      .send(stream, protocol, data, { ordered: true })
      .catch((error: unknown) => this.end(String(error)));
  }

  private deliver(data: Buffer): void {
    if (this.closed) return;
    if (!this.limit.take(nowMicros())) {
      this.counters.data_packets_refused++;
      return;
    }
    const { sctp } = this;
    sctp
      .handleData(data)
      // A packet that SCTP cannot read is dropped.
      .catch(() => {
        this.counters.data_packets_refused++;
      })
      .finally(() => {
        const isOver = sctp.advertisedRwnd < 0 || sctp.sackMisOrdered.size > MAX_MISORDERED;
        if (isOver) this.end('too much is buffered for the client');
      });
  }

  private receive(stream: number, protocol: number, data: Buffer): void {
    if (this.closed) return;
    if (protocol === DCEP) {
      if (data[0] !== DATA_CHANNEL_OPEN) return;
      this.stream = stream;
      this.write(stream, DCEP, DATA_CHANNEL_ACK);
      return;
    }
    if (protocol !== TEXT || data.length > MAX_MESSAGE_BYTES) {
      this.counters.data_packets_refused++;
      return;
    }
    this.counters.data_messages_received++;
    this.guarding(() => this.events.onMessage(data.toString('utf8')));
  }

  private end(reason: string): void {
    if (this.closed) return;
    this.close()
      .then(() => this.events.onClosed(reason))
      .catch(() => {});
  }

  private guarding(listener: () => void): void {
    try {
      if (!this.closed) listener();
    } catch (error) {
      this.end(String(error));
    }
  }
}
