/** Signalling: messages of somebody with a token, before and after joining, and what is below messages. */
import { jsonText, mutateJson } from '../mutate.js';
import type { Random } from '../random.js';
import { clientMessage } from '../seeds/messages.js';
import { chromiumOffer } from '../seeds/offer.js';
import { type FuzzServer, WORKSHOP } from '../server.js';
import { FuzzSocket } from '../socket.js';
import type { FuzzInput, OpenTarget, Target } from '../target.js';
import { mutatedOffer } from './text-modules.js';

/** Below the rate limit of one socket: what is above it is not read. */
const MESSAGES_PER_SOCKET = 100;
const OFFERS_PER_SOCKET = 10;
/** What the queue of a socket takes at once is limited too. */
const PAUSE_EVERY = 50;

/** Sockets that each take a part of the inputs. */
class Sockets implements OpenTarget {
  private socket: FuzzSocket | undefined;
  private sent = 0;

  constructor(
    private readonly server: FuzzServer,
    private readonly make: (random: Random) => FuzzInput,
    private readonly perSocket: number,
  ) {}

  next(random: Random): FuzzInput {
    return this.make(random);
  }

  async send({ how, bytes }: FuzzInput): Promise<void> {
    if (this.sent >= this.perSocket || this.socket?.isClosed) await this.settle();
    this.socket ??= await this.join();
    this.sent++;
    if (how === 'below') this.socket.sendBelow(bytes);
    else this.socket.send(how === 'binary' ? bytes : bytes.toString(), how === 'binary');
    if (this.sent % PAUSE_EVERY === 0) await this.answered();
  }

  /** All messages were read when the last one is answered. */
  async settle(): Promise<void> {
    const { socket } = this;
    if (!socket) return;
    await this.answered();
    this.socket = undefined;
    this.sent = 0;
    socket.send(JSON.stringify({ type: 'leave' }));
    socket.close();
    socket.check();
  }

  async close(): Promise<void> {
    this.socket?.close();
    this.socket = undefined;
    this.sent = 0;
  }

  private async answered(): Promise<void> {
    const { socket } = this;
    if (!socket || socket.isClosed) return;
    socket.messages.length = 0;
    socket.send('an error is the answer');
    await socket.next('error');
    socket.check();
  }

  private async join(): Promise<FuzzSocket> {
    await this.server.openWorkshop();
    const token = await this.server.tokenFor(WORKSHOP, 'host');
    const socket = await FuzzSocket.open(this.server, token);
    socket.send(JSON.stringify({ type: 'join', room: WORKSHOP, name: 'Fuzz' }));
    return socket;
  }
}

function message(random: Random): FuzzInput {
  const bytes = jsonText(random, mutateJson(random, clientMessage(random)));
  const how = random.chance(0.985) ? 'text' : random.pick(['binary', 'below']);
  return { how, bytes: bytes.length > 200_000 ? bytes.subarray(0, 200_000) : bytes };
}

function offer(random: Random): FuzzInput {
  const sdp = mutatedOffer(random, chromiumOffer()).toString();
  return { how: 'text', bytes: Buffer.from(JSON.stringify({ type: 'offer', sdp })) };
}

export const SIGNALLING: readonly Target[] = [
  {
    name: 'signalling',
    from: 'peer',
    batch: 1000,
    open: (server) => new Sockets(server, message, MESSAGES_PER_SOCKET),
  },
  {
    name: 'signalling-offer',
    from: 'peer',
    batch: 200,
    open: (server) => new Sockets(server, offer, OFFERS_PER_SOCKET),
  },
];
