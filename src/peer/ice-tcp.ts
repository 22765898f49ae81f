/**
 * werift's ICE over TCP (RFC 6544) with our guard in front: each frame (RFC 4571) is judged like a
 * datagram, and only a few connections are open at a time.
 */
import type { Server, Socket } from 'node:net';
import type { StunProtocol } from 'werift';

/** Connections to one candidate. A client needs one, but anybody can connect. */
const MAX_CONNECTIONS = 8;
/** With more unsent bytes than this, media is dropped: the connection is slower than the media. */
const MAX_UNSENT_BYTES = 128 * 1024;

/** werift's TcpPassiveProtocol and TcpActiveProtocol (0.24.4, pinned). */
interface TcpProtocol {
  readonly type: 'tcp';
  readonly server?: Server;
  readonly sockets: Map<string, { socket: Socket }>;
  handleFrame(data: Buffer, address: [string, number]): void;
}

type Deliver = (data: Buffer, address: [string, number]) => void;

/** Whether a socket of werift is TCP; its types call all of them UDP. */
export function isTcp(protocol: StunProtocol): boolean {
  return (protocol as { type: string }).type === 'tcp';
}

/** Gives each frame to `receive` instead of werift; `toWerift` hands it on. */
export function guardTcp(
  protocol: StunProtocol,
  receive: (data: Buffer, address: [string, number], toWerift: Deliver) => void,
): void {
  const tcp = protocol as unknown as TcpProtocol;
  const toWerift = tcp.handleFrame.bind(tcp);
  tcp.handleFrame = (data, address) => receive(data, address, toWerift);
  if (tcp.server) tcp.server.maxConnections = MAX_CONNECTIONS;
}

/** @returns false if there is no such connection, or too much of it is unsent. */
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
