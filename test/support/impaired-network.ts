/**
 * A bad network between clients and the server, in user space: a signalling proxy that gives clients
 * relay ports in place of the server's, and UDP relays whose two directions are impaired each by
 * itself. Seeded.
 */
import { createSocket, type Socket } from 'node:dgram';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import WebSocket, { WebSocketServer } from 'ws';
import { ImpairedPath, type PathProfile } from './impaired-path.js';
import type { TestServer } from './server.js';

const CANDIDATE = /(candidate:\S+ \d+ udp \d+ )(\S+) (\d+)/gi;

/** The socket through which one client address reaches one server port. */
interface Leg {
  socket: Socket;
  /** The server's. */
  readonly port: number;
  readonly onBack: (data: Buffer) => void;
}

export class ImpairedNetwork {
  /** Client to server. */
  readonly up: ImpairedPath;
  /** Server to client. */
  readonly down: ImpairedPath;
  /** Lets nothing but TCP candidates through, unchanged: a firewall that knows no UDP. */
  tcpOnly = false;
  private readonly sockets: Socket[] = [];
  private readonly relays = new Map<number, Promise<number>>();
  private readonly legs: Leg[] = [];

  private constructor(
    private readonly server: TestServer,
    private readonly web: WebSocketServer,
    seed: number,
  ) {
    this.up = new ImpairedPath(seed);
    this.down = new ImpairedPath(seed + 1);
    web.on('connection', (client) => this.proxy(client));
  }

  /** @param profile of both directions at first; each may be changed at any time. */
  static async start(
    server: TestServer,
    profile: PathProfile = {},
    seed = 1,
  ): Promise<ImpairedNetwork> {
    const web = new WebSocketServer({ port: 0, host: '127.0.0.1' });
    await once(web, 'listening');
    const network = new ImpairedNetwork(server, web, seed);
    network.set(profile);
    return network;
  }

  /** For clients in place of the server's. */
  get signalUrl(): string {
    return `ws://127.0.0.1:${(this.web.address() as AddressInfo).port}/signal`;
  }

  /** Both directions alike from now on. */
  set(profile: PathProfile): void {
    this.up.profile = profile;
    this.down.profile = profile;
  }

  /** Drops everything in both directions for `ms`. */
  blackout(ms: number): void {
    this.up.blackoutUntil = this.down.blackoutUntil = performance.now() + ms;
  }

  /** Holds everything back for `ms`, then delivers it at once. */
  stall(ms: number): void {
    this.up.stalledUntil = this.down.stalledUntil = performance.now() + ms;
  }

  /** The server sees every client at a new address from now on, as after a NAT's rebinding. */
  async changeAddress(): Promise<void> {
    for (const leg of this.legs) {
      leg.socket.removeAllListeners('message');
      leg.socket = this.socket();
      leg.socket.on('message', leg.onBack);
      leg.socket.bind(0, '127.0.0.1');
      await once(leg.socket, 'listening');
    }
  }

  /** Sends the server a datagram from the address that it knows each client by. */
  inject(data: Buffer): void {
    for (const { socket, port } of this.legs) socket.send(data, port, '127.0.0.1');
  }

  /** An answer, or a candidate, whose candidates lead through this network. */
  async relayed(text: string): Promise<string> {
    const ports = new Map<string, number>();
    for (const match of text.matchAll(CANDIDATE)) {
      ports.set(match[3] as string, await this.relayFor(Number(match[3])));
    }
    return text.replace(CANDIDATE, (_, head, __, port) => `${head}127.0.0.1 ${ports.get(port)}`);
  }

  close(): void {
    this.up.close();
    this.down.close();
    for (const socket of this.sockets) socket.close();
    for (const client of this.web.clients) client.terminate();
    this.web.close();
  }

  private proxy(client: WebSocket): void {
    const upstream = new WebSocket(this.server.signalUrl);
    const waiting: string[] = [];
    upstream.on('open', () => {
      for (const text of waiting.splice(0)) upstream.send(text);
    });
    client.on('message', (data: Buffer) => {
      const message = JSON.parse(data.toString());
      // The server must not learn a way around the relay.
      if (message.type === 'candidate') return;
      if (message.type === 'offer') message.sdp = message.sdp.replace(/a=candidate:.*\r\n/g, '');
      const text = JSON.stringify(message);
      if (upstream.readyState === WebSocket.OPEN) upstream.send(text);
      else waiting.push(text);
    });
    let order: Promise<void> = Promise.resolve();
    upstream.on('message', (data: Buffer) => {
      const isUdp = /"candidate:\S+ \d+ udp /i.test(data.toString());
      if (this.tcpOnly && isUdp) return;
      order = order.then(async () => client.send(await this.rewrite(data.toString())));
    });
    client.on('close', () => upstream.close());
    upstream.on('close', () => client.close());
  }

  private async rewrite(text: string): Promise<string> {
    if (this.tcpOnly) return text.replace(/a=candidate:\S+ \d+ udp .*?\\r\\n/gi, '');
    return this.relayed(text);
  }

  private relayFor(port: number): Promise<number> {
    const relay = this.relays.get(port) ?? this.openRelay(port);
    this.relays.set(port, relay);
    return relay;
  }

  /** One leg per client address, so that the server sees each as an address of its own. */
  private async openRelay(port: number): Promise<number> {
    const front = this.socket();
    const byClient = new Map<string, Leg>();
    front.on('message', (data, from) => {
      const key = `${from.address}:${from.port}`;
      let leg = byClient.get(key);
      if (!leg) {
        const onBack = (back: Buffer) =>
          this.down.send(back, (late) => front.send(late, from.port, from.address));
        leg = { socket: this.socket(), port, onBack };
        leg.socket.on('message', onBack);
        byClient.set(key, leg);
        this.legs.push(leg);
      }
      const out = leg;
      this.up.send(data, (late) => out.socket.send(late, port, '127.0.0.1'));
    });
    front.bind(0, '127.0.0.1');
    await once(front, 'listening');
    return front.address().port;
  }

  private socket(): Socket {
    const socket = createSocket('udp4');
    this.sockets.push(socket);
    return socket;
  }
}
