/**
 * `npm run bench:packets`: microseconds of CPU that a packet of video costs the server, beside the
 * floor: AES-GCM and a connected socket in bare Node. Sent and received, 1100 bytes of payload.
 */
import { fork } from 'node:child_process';
import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto';
import { createSocket, type Socket } from 'node:dgram';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { fileURLToPath } from 'node:url';
import { DatagramGuard } from '../../src/peer/datagram-guard.js';
import { SRTP_AEAD_AES_128_GCM } from '../../src/peer/srtp-keys.js';
import { SrtpSession } from '../../src/peer/srtp-session.js';
import { PeerReceiver } from '../../src/receive/peer-receiver.js';
import { NO_EXTENSIONS, SRTP_TRAILER_BYTES, writeRtpHeader } from '../../src/rtp/rtp-packet.js';
import { BandwidthEstimator } from '../../src/send/bandwidth-estimator.js';
import { OutboundStream } from '../../src/send/outbound-stream.js';
import { PacedSender } from '../../src/send/paced-sender.js';
import { nowMicros } from '../../src/util/clock.js';

const PAYLOAD_BYTES = 1100;
const PACKETS = 60_000;
/** Packets of a frame; a frame every so many ms keeps the socket's buffer from overflowing. */
const FRAME = 30;
const SSRC = 1;
const VP8 = 96;
const KEY = Buffer.alloc(16, 1);
const SALT = Buffer.alloc(12, 2);
const material = { localKey: KEY, localSalt: SALT, remoteKey: KEY, remoteSalt: SALT };

const session = () => new SrtpSession({ profile: SRTP_AEAD_AES_128_GCM, ...material });

async function boundSocket(): Promise<Socket> {
  const socket = createSocket('udp4');
  socket.bind(0, '127.0.0.1');
  await once(socket, 'listening');
  socket.setRecvBufferSize(1 << 20);
  return socket;
}

const portOf = (socket: Socket) => (socket.address() as AddressInfo).port;

/** CPU microseconds of this process for each packet that `send` handles. */
async function costOf(send: (count: number) => void): Promise<number> {
  for (let sent = 0; sent < PACKETS / 4; sent += FRAME) {
    send(FRAME);
    await new Promise(setImmediate);
  }
  const before = process.cpuUsage();
  for (let sent = 0; sent < PACKETS; sent += FRAME) {
    send(FRAME);
    await new Promise(setImmediate);
  }
  const { user, system } = process.cpuUsage(before);
  return (user + system) / PACKETS;
}

async function sendFloor(port: number): Promise<number> {
  const socket = createSocket('udp4');
  socket.connect(port, '127.0.0.1');
  await once(socket, 'connect');
  const payload = randomBytes(PAYLOAD_BYTES);
  const header = Buffer.alloc(20);
  const iv = Buffer.alloc(12);
  const packet = Buffer.alloc(20 + PAYLOAD_BYTES + 16);
  const cost = await costOf((count) => {
    for (let i = 0; i < count; i++) {
      const cipher = createCipheriv('aes-128-gcm', KEY, iv);
      cipher.setAAD(header);
      cipher.update(payload).copy(packet, 20);
      cipher.final();
      cipher.getAuthTag().copy(packet, 20 + PAYLOAD_BYTES);
      socket.send(packet);
    }
  });
  socket.close();
  return cost;
}

async function sendOurs(port: number): Promise<number> {
  const socket = await boundSocket();
  const srtp = session();
  const estimator = new BandwidthEstimator({ startBps: 1e10, minBps: 1e9, maxBps: 1e10 });
  const sendRtp = (packet: Buffer, length: number, headerLength: number) => {
    socket.send(srtp.protect(packet, length, headerLength), port, '127.0.0.1');
    return true;
  };
  const sender = new PacedSender({ sendRtp, sendRtcp: () => true }, estimator, 5);
  const rtx = { ssrc: 2, payloadType: 97 };
  const stream = new OutboundStream(
    { ssrc: SSRC, payloadType: VP8, clockRate: 90_000, cname: 'bench', rtx },
    sender,
  );
  const payloads = Array.from({ length: FRAME }, () => randomBytes(PAYLOAD_BYTES));
  const cost = await costOf(() => {
    const now = nowMicros();
    stream.sendFrame(payloads, now, now);
    sender.tick(now + 1000);
  });
  if (stream.snapshot().packets_sent < PACKETS) throw new Error('the pacer held packets back');
  socket.close();
  return cost;
}

/** CPU microseconds for each datagram that a flood of encrypted packets from another process costs. */
async function receiveCost(handle: (data: Buffer, port: number) => void): Promise<number> {
  const socket = await boundSocket();
  let received = 0;
  socket.on('message', (data, { port }) => {
    received++;
    handle(data, port);
  });
  const flood = fork(fileURLToPath(import.meta.url), [String(portOf(socket))], {
    execArgv: ['--import', 'tsx'],
  });
  while (received < PACKETS / 10) await new Promise((resolve) => setTimeout(resolve, 20));
  const [before, from] = [process.cpuUsage(), received];
  await once(flood, 'exit');
  const { user, system } = process.cpuUsage(before);
  socket.close();
  return (user + system) / (received - from);
}

function receiveFloor(): Promise<number> {
  const iv = Buffer.alloc(12);
  return receiveCost((data) => {
    const decipher = createDecipheriv('aes-128-gcm', KEY, iv, { authTagLength: 16 });
    decipher.setAAD(data.subarray(0, 20));
    decipher.setAuthTag(data.subarray(data.length - 16));
    decipher.update(data.subarray(20, data.length - 16));
    try {
      decipher.final();
    } catch {
      // The key is not the one: that costs the same.
    }
  });
}

function receiveOurs(): Promise<number> {
  const srtp = session();
  const guard = new DatagramGuard({
    passwordOf: () => undefined,
    isPending: () => false,
    remotePassword: () => '',
    mayHaveMoved: () => false,
  });
  const receiver = new PeerReceiver(9, 'bench', {
    onAudio: () => {},
    onVideo: () => {},
    accepts: () => true,
    onTooLarge: () => {},
    sendRtcp: () => {},
  });
  const format = {
    payloadType: VP8,
    codec: 'vp8',
    rtxPayloadType: 97,
    redPayloadType: undefined,
    nack: true,
  } as const;
  receiver.negotiated({
    sections: [{ mid: '0', use: 'camera', formats: [format], ssrcs: new Map(), rids: [] }],
    extensions: { ...NO_EXTENSIONS, transportSequence: 5 },
  });
  let from = 0;
  let ticked = 0;
  return receiveCost((data, port) => {
    if (from === 0) {
      from = port;
      guard.trust('127.0.0.1', port);
    }
    const now = nowMicros();
    if (guard.judge(data, '127.0.0.1', port, now) !== 'media') return;
    const plain = srtp.unprotect(data);
    if (plain) receiver.rtp(plain, now);
    if (now - ticked < 10_000) return;
    ticked = now;
    receiver.tick(now, 20_000, 2_000_000);
  });
}

/** The other process: sends packets that are encrypted already, as fast as a busy room would. */
async function flood(port: number): Promise<void> {
  const socket = createSocket('udp4');
  socket.connect(port, '127.0.0.1');
  await once(socket, 'connect');
  const srtp = session();
  for (let sent = 0; sent < PACKETS * 1.5; ) {
    const timestamp = sent * 30;
    for (let i = 0; i < 20; i++, sent++) {
      const packet = Buffer.alloc(20 + PAYLOAD_BYTES + SRTP_TRAILER_BYTES);
      writeRtpHeader(packet, {
        payloadType: VP8,
        marker: i === 19,
        sequence: sent & 0xffff,
        timestamp,
        ssrc: SSRC,
        transportSequence: sent & 0xffff,
        transportSequenceId: 5,
      });
      // A VP8 payload descriptor; a frame begins with the first of the packets.
      packet[20] = i === 0 ? 0x10 : 0x00;
      // Of a keyframe at first, 640x360.
      if (i === 0 && sent === 0) Buffer.from('0000009d012a80026801', 'hex').copy(packet, 21);
      else packet[21] = 0x01;
      socket.send(srtp.protect(packet, 20 + PAYLOAD_BYTES, 20));
    }
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
  process.exit(0);
}

const floodPort = process.argv[2];
if (floodPort) await flood(Number(floodPort));
else {
  const sink = await boundSocket();
  const port = portOf(sink);
  const row = (name: string, floor: number, ours: number) =>
    console.log(
      `| ${name} | ${floor.toFixed(1)} µs | ${ours.toFixed(1)} µs | ${(ours / floor).toFixed(2)} |`,
    );
  console.log('| packet of 1100 bytes | floor | Tessera | ratio |\n| --- | --- | --- | --- |');
  row('sent', await sendFloor(port), await sendOurs(port));
  row('received', await receiveFloor(), await receiveOurs());
  process.exit(0);
}
