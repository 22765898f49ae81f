/**
 * ICE over TCP (RFC 6544) as werift does it, with our guard in front: frames of RFC 4571, of which
 * each is judged like a datagram, and few connections at a time.
 */
import type { Server, Socket } from 'node:net';
import type { StunProtocol } from 'werift';

/** Connections to one candidate; a client needs one, and anybody may connect. */
const MAX_CONNECTIONS = 8;
/** More than this unsent means that the connection takes less than we send: media is dropped. */
const MAX_UNSENT_BYTES = 128 * 1024;

/** werift's TcpPassiveProtocol and TcpActiveProtocol (0.24.4, pinned). */
interface TcpProtocol {
  readonly type: 'tcp';
  readonly server?: Server;
  readonly sockets: Map<string, { socket: Socket }>;
  handleFrame(data: Buffer, address: [string, number]): void;
}

type Deliver = (data: Buffer, address: [string, number]) => void;

/** Whether a protocol of werift's, which types them all as UDP, is over TCP. */
export function isTcp(protocol: StunProtocol): boolean {
  return (protocol as { type: string }).type === 'tcp';
}

/** Hands each frame to `receive` in place of werift, with the way on to werift. */
export function guardTcp(
  protocol: StunProtocol,
  receive: (data: Buffer, address: [string, number], toWerift: Deliver) => void,
): void {
  const tcp = protocol as unknown as TcpProtocol;
  const toWerift = tcp.handleFrame.bind(tcp);
  tcp.handleFrame = (data, address) => receive(data, address, toWerift);
  if (tcp.server) tcp.server.maxConnections = MAX_CONNECTIONS;
}

/** @returns false if there is no such connection, or it takes no more. */
export function sendOverTcp(
  protocol: StunProtocol,
  host: string,
  port: number,
  data: Buffer,
): boolean {
  const { sockets } = protocol as unknown as TcpProtocol;
  const socket = sockets.get(`${host}:${port}`)?.socket;
  if (!socket?.writable || socket.writableLength > MAX_UNSENT_BYTES) return false;
  const length = Buffer.allocUnsafe(2);
  length.writeUInt16BE(data.length, 0);
  socket.cork();
  socket.write(length);
  socket.write(data);
  socket.uncork();
  return true;
}
