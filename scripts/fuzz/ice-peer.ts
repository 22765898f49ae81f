/**
 * A client without werift, up to the DTLS handshake: it negotiates, makes a connectivity check by hand, and
 * from then on its datagrams are those of an address that the server knows.
 */
import { randomBytes } from 'node:crypto';
import { createSocket, type Socket } from 'node:dgram';
import { once } from 'node:events';
import { waitFor } from '../../test/support/server.js';
import { clientHello, cookieOf } from './dtls.js';
import { Random } from './random.js';
import { chromiumOffer } from './seeds/offer.js';
import { CALL, type FuzzServer } from './server.js';
import { FuzzSocket } from './socket.js';
import { bindingRequest, type StunCredentials } from './stun.js';
import { Finding } from './target.js';

const FINGERPRINT = new Array(32).fill('5A').join(':');

export class IcePeer {
  /** Datagrams that the server sent, the newest last; some of them. */
  private readonly received: Buffer[] = [];

  private constructor(
    private readonly signalling: FuzzSocket,
    private readonly udp: Socket,
    readonly credentials: StunCredentials,
    private readonly port: number,
  ) {
    udp.on('message', (data) => {
      this.received.push(data);
      if (this.received.length > 50) this.received.shift();
    });
    udp.on('error', () => {});
  }

  /** Resolves when the server has answered its connectivity check. */
  static async connect(server: FuzzServer): Promise<IcePeer> {
    const token = await server.tokenFor(CALL, 'participant');
    const signalling = await FuzzSocket.open(server, token);
    signalling.send(JSON.stringify({ type: 'join', room: CALL, name: 'Fuzz' }));
    const usernameFragment = randomBytes(3).toString('hex');
    const transport = { usernameFragment, password: randomBytes(12).toString('hex') };
    const sdp = chromiumOffer({ ...transport, fingerprint: FINGERPRINT });
    signalling.send(JSON.stringify({ type: 'offer', sdp }));
    const answer = (await signalling.next('answer'))?.sdp ?? '';
    const value = (name: string) => new RegExp(`^a=${name}:(.+)\\r?$`, 'm').exec(answer)?.[1];
    const [fragment, password] = [value('ice-ufrag'), value('ice-pwd')];
    if (!fragment || !password) throw new Finding('an offer was not answered');
    const candidates = () => [
      ...[...answer.matchAll(/^a=(candidate:.+)$/gm)].map((match) => match[1] as string),
      ...signalling.messages.flatMap((one) => (one.type === 'candidate' ? [one.candidate] : [])),
    ];
    const port = await waitFor('a candidate', () => loopbackPort(candidates()));
    const udp = createSocket('udp4');
    udp.bind(0, '127.0.0.1');
    await once(udp, 'listening');
    const credentials = { username: `${fragment}:${usernameFragment}`, password };
    const peer = new IcePeer(signalling, udp, credentials, port);
    peer.send(bindingRequest(new Random(port), credentials, true));
    await waitFor('an answer to a check', () => peer.received.some((data) => data[0] === 1));
    return peer;
  }

  send(datagram: Buffer): void {
    // UDP takes no more.
    if (datagram.length > 0 && datagram.length < 65_000)
      this.udp.send(datagram, this.port, '127.0.0.1');
  }

  /** Begins the handshake as clients do, so that what follows is read in the middle of it. */
  async hello(): Promise<void> {
    const clientRandom = randomBytes(32);
    this.send(clientHello(clientRandom, 0));
    const cookie = await waitFor('a cookie', () =>
      this.received.map(cookieOf).find((found) => found !== undefined),
    );
    this.send(clientHello(clientRandom, 1, cookie));
  }

  /** @throws Finding */
  close(): void {
    this.udp.close();
    this.signalling.send(JSON.stringify({ type: 'leave' }));
    this.signalling.close();
    this.signalling.check();
  }
}

/** The UDP port of a candidate that this machine reaches. */
function loopbackPort(candidates: readonly string[]): number | undefined {
  for (const candidate of candidates) {
    const [, , protocol = '', , address = '', port = ''] = candidate.split(' ');
    if (protocol.toLowerCase() === 'udp' && address.includes('.')) return Number(port);
  }
  return undefined;
}
