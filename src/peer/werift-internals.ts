/** Private state of werift (0.24.4, pinned) that the guards and the fast way of sending use. */
import type { Socket } from 'node:dgram';
import type { StunProtocol } from 'werift';

/** Of its Connection. */
export interface ConnectionInternals {
  readonly protocols: StunProtocol[];
  buildRequest(options: object): Parameters<StunProtocol['request']>[0];
}

/** Of its DTLS server. */
export interface DtlsInternals {
  readonly dtls: { cookie: Buffer | undefined; recordSequenceNumber: number };
}

/** Of its UDP transport. */
export interface Datagrams {
  onData(data: Buffer, address: [string, number]): void;
  readonly closed: boolean;
  readonly socket: Socket;
}
