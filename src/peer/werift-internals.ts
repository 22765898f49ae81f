/** Private state of werift (0.24.4, pinned) that the guards and our sending use. */
import type { Socket } from 'node:dgram';
import type { StunProtocol } from 'werift';

/** Of its Connection. */
export interface ConnectionInternals {
  readonly protocols: StunProtocol[];
  buildRequest(options: object): Parameters<StunProtocol['request']>[0];
}

/** A handshake message of its DTLS. */
export interface CachedHandshake {
  readonly msg_type: number;
  readonly message_seq: number;
  /** The body of the message. */
  fragment: Buffer;
  /** With its header. */
  serialize(): Buffer;
}

/** Of its DTLS server. */
export interface DtlsInternals {
  readonly dtls: {
    cookie: Buffer | undefined;
    recordSequenceNumber: number;
    /** By number of the flight. */
    readonly handshakeCache: Readonly<
      Record<number, { readonly data: readonly CachedHandshake[] } | undefined>
    >;
  };
}

/** Of its UDP transport. */
export interface Datagrams {
  onData(data: Buffer, address: [string, number]): void;
  readonly closed: boolean;
  readonly socket: Socket;
}

/** Of its RTP sender. */
export interface SenderInternals {
  rtcpRunning: boolean;
}

/** Of its SCTP, for hostile test clients. */
export interface ClientSctpInternals {
  readonly localTsn: number;
  sendChunk(chunk: { readonly type: number; readonly bytes: Buffer }): Promise<void>;
}

/** Of its SCTP. */
export interface SctpInternals {
  /** Bytes left in the receive window; below 0 if the other side ignores it. */
  readonly advertisedRwnd: number;
  /** TSNs that wait for an earlier one. */
  readonly sackMisOrdered: ReadonlySet<number>;
  /** Chunks that wait for sending. */
  readonly outboundQueue: readonly unknown[];
  readonly transport: { send(data: Buffer): Promise<void> };
  readonly onReceive: {
    allUnsubscribe(): void;
    subscribe(listener: (stream: number, protocol: number, data: Buffer) => void): unknown;
  };
  readonly stateChanged: Record<
    'connected' | 'closed',
    { subscribe(listener: () => void): unknown }
  >;
  handleData(data: Buffer): Promise<void>;
}
