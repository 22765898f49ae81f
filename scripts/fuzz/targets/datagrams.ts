/** STUN and DTLS, from addresses that the server knows and from others. */
import { createSocket, type Socket } from 'node:dgram';
import { forgedDatagrams, udpPortsOf } from '../../../test/support/hostile.js';
import { sleep } from '../../../test/support/server.js';
import { clientHello, oddRecord } from '../dtls.js';
import { IcePeer } from '../ice-peer.js';
import { mutateBytes } from '../mutate.js';
import { Random } from '../random.js';
import type { FuzzServer } from '../server.js';
import { oddRequest } from '../stun.js';
import type { FuzzInput, OpenTarget, Target } from '../target.js';

/** Datagrams that go out before the event loop turns: more would be lost in the kernel. */
const BURST = 20;
/** A peer is given up after this many, because its handshake has failed by then. */
const PER_PEER = 100;

/** Datagrams from an address that the server has validated; what makes them may need the session's keys. */
class KnownAddress implements OpenTarget {
  private peer: IcePeer | undefined;
  private sent = 0;
  /** Every other one begins a handshake before. */
  private peers = 0;

  constructor(
    private readonly server: FuzzServer,
    private readonly how: { readonly next: (random: Random) => FuzzInput; readonly hello: boolean },
    private readonly datagramOf: (input: FuzzInput, peer: IcePeer) => Buffer,
  ) {}

  next(random: Random): FuzzInput {
    return this.how.next(random);
  }

  async send(input: FuzzInput): Promise<void> {
    if (this.sent % PER_PEER === 0) {
      await this.close();
      this.peer = await IcePeer.connect(this.server);
      if (this.how.hello && this.peers++ % 2 === 1) await this.peer.hello();
    }
    this.sent++;
    const { peer } = this;
    peer?.send(this.datagramOf(input, peer));
    if (this.sent % BURST === 0) await sleep(1);
  }

  async settle(): Promise<void> {
    await sleep(100);
    await this.close();
  }

  async close(): Promise<void> {
    const { peer } = this;
    this.peer = undefined;
    this.sent = 0;
    peer?.close();
  }
}

/** The seed of an authentic message, which is sealed with the keys of the session that it is sent in. */
function stunSeed(random: Random): FuzzInput {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(random.int(2 ** 32), 0);
  return { how: random.chance(0.8) ? 'authentic' : 'changed', bytes };
}

function sealed({ how, bytes }: FuzzInput, { credentials }: IcePeer): Buffer {
  const random = new Random(bytes.readUInt32BE(0));
  const request = oddRequest(random, credentials);
  return how === 'authentic' ? request : mutateBytes(random, request);
}

/** Datagrams of anybody, to all ports of the server. */
class Outside implements OpenTarget {
  private ports: readonly number[] = [];
  private sent = 0;
  private readonly forged = forgedDatagrams();

  constructor(
    private readonly server: FuzzServer,
    private readonly udp: Socket,
  ) {
    udp.on('error', () => {});
  }

  next(random: Random): FuzzInput {
    const make = () => {
      const credentials = { username: 'abcd:efgh', password: 'x'.repeat(22) };
      switch (random.int(4)) {
        case 0:
          return oddRequest(random, credentials);
        case 1:
          return oddRecord(random);
        case 2:
          return random.pick(this.forged);
        default:
          return Buffer.concat([
            Buffer.from([0x80 | random.int(64)]),
            random.bytes(random.length(1200)),
          ]);
      }
    };
    return { how: 'all ports', bytes: random.chance(0.5) ? make() : mutateBytes(random, make()) };
  }

  async send({ bytes }: FuzzInput): Promise<void> {
    if (this.ports.length === 0) this.ports = await udpPortsOf(this.server.server.pid);
    for (const port of this.ports) this.udp.send(bytes, port, '127.0.0.1');
    if (++this.sent % BURST === 0) await sleep(1);
  }

  async settle(): Promise<void> {
    await sleep(50);
    this.ports = [];
  }

  async close(): Promise<void> {
    this.udp.close();
  }
}

function dtls(random: Random): FuzzInput {
  const whole = random.chance(0.2)
    ? clientHello(random.bytes(32), random.int(3), random.bytes(random.pick([0, 20])))
    : oddRecord(random);
  return { how: 'record', bytes: random.chance(0.5) ? mutateBytes(random, whole) : whole };
}

export const DATAGRAMS: readonly Target[] = [
  {
    name: 'stun-authentic',
    from: 'peer',
    batch: 1000,
    open: (server) => new KnownAddress(server, { next: stunSeed, hello: false }, sealed),
  },
  {
    name: 'dtls-handshake',
    from: 'peer',
    batch: 1000,
    open: (server) => new KnownAddress(server, { next: dtls, hello: true }, ({ bytes }) => bytes),
  },
  {
    name: 'datagrams',
    from: 'outside',
    batch: 1000,
    open: (server) => new Outside(server, createSocket('udp4')),
  },
];
