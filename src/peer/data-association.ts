/**
 * The data channel of one connection (RFC 8831): text messages on stream 0, or on whichever stream the
 * client opens (RFC 8832). SCTP is werift's, guarded: what it throws, or holds too much of, ends the
 * association and nothing else. Callers may rely on: listeners get whole messages of at most
 * MAX_MESSAGE_BYTES, and are not called after `close()`.
 */
import { type RTCDtlsTransport, RTCSctpTransport } from 'werift';
import { nowMicros } from '../util/clock.js';
import { TokenBucket } from '../util/token-bucket.js';
import type { SctpInternals } from './werift-internals.js';

/** Longest message, either way. */
export const MAX_MESSAGE_BYTES = 64 * 1024;
export const SCTP_PORT = 5000;
const MAX_PACKETS_PER_SECOND = 500;
/** Chunks that may have come before those that they follow. */
const MAX_MISORDERED = 512;
/** What may wait for a client that does not acknowledge it. */
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
  /** For good; the call goes on without it. */
  onClosed(reason: string): void;
}

export class DataAssociation {
  readonly counters = { data_messages_received: 0, data_messages_sent: 0, data_packets_refused: 0 };
  private readonly transport = new RTCSctpTransport(SCTP_PORT, MAX_MESSAGE_BYTES);
  private readonly sctp: SctpInternals;
  private readonly limit = new TokenBucket(MAX_PACKETS_PER_SECOND);
  /** That messages go out on: the client's last. */
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
    // What cannot be sent is lost, as on any network; SCTP repeats it.
    sctp.transport.send = (data) => dtls.sendData(data).catch(() => {});
    dtls.dataReceiver = (data) => this.deliver(data);
  }

  /** @param remotePort SCTP port of the client (RFC 8841, 5). */
  async start(remotePort: number): Promise<void> {
    await this.transport.start(remotePort);
  }

  /** @returns false if it could not be queued: the client takes too little, or is not there. */
  send(text: string): boolean {
    if (this.closed || this.transport.sctp.state !== 'connected') return false;
    if (this.sctp.outboundQueue.length > MAX_QUEUED_CHUNKS) {
      this.end('the client takes too little');
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
      // A packet that cannot be read was not from a client's SCTP: it is left out.
      .catch(() => {
        this.counters.data_packets_refused++;
      })
      .finally(() => {
        const isOver = sctp.advertisedRwnd < 0 || sctp.sackMisOrdered.size > MAX_MISORDERED;
        if (isOver) this.end('too much is held for it');
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
