/** What somebody in the call sends after the handshake: SRTP, SRTCP, SCTP and messages of the data channel. */
import { RtpClient } from '../../../src/bots/rtp-client.js';
import { sleep } from '../../../test/support/server.js';
import { jsonText, mutateBytes, mutateJson } from '../mutate.js';
import { pack, unpack } from '../packed.js';
import type { Random } from '../random.js';
import { RtpInputs } from '../rtp-inputs.js';
import { framePayloads, rtcpCompound } from '../seeds/media.js';
import { dataMessage } from '../seeds/messages.js';
import { chromiumOffer } from '../seeds/offer.js';
import { CALL, type FuzzServer } from '../server.js';
import type { FuzzInput, OpenTarget, Target } from '../target.js';

/** What the server takes of one client, packets a second: what is above is dropped unread. */
const RTP_PER_SECOND = 2500;
const SCTP_PER_SECOND = 450;
const RTCP_PER_SECOND = 2500;
/** Types of chunks (RFC 9260, 3.2), and some that nobody knows. */
const CHUNKS = [0, 1, 2, 3, 4, 5, 9, 10, 11, 12, 0x82, 0xc0, 0xc1, 63, 255];
/** They end the association: after one of them nothing is read any more. */
const LAST_CHUNKS = [6, 7, 8, 14];
const TEXT = 51;
/** werift's m-line of the screen, after those that it receives on. */
const SCREEN_MID = '4';

/** A client in the call, which is replaced once its connection was given up. */
class Member implements OpenTarget {
  private client: RtpClient | undefined;
  private joined: Promise<RtpClient> | undefined;
  private begun = 0;
  private sent = 0;

  constructor(
    private readonly server: FuzzServer,
    private readonly how: {
      readonly perSecond: number;
      /** Inputs after which another client takes its place; without it one lasts for a batch. */
      readonly perClient?: number;
      next(random: Random): FuzzInput;
      send(client: RtpClient, input: FuzzInput): Promise<void> | void;
    },
  ) {}

  next(random: Random): FuzzInput {
    return this.how.next(random);
  }

  async send(input: FuzzInput): Promise<void> {
    const { perClient = Number.POSITIVE_INFINITY } = this.how;
    if (this.sent > 0 && this.sent % perClient === 0) await this.close();
    this.joined ??= this.join();
    const client = await this.joined;
    if (this.sent++ === 0) this.begun = performance.now();
    await this.how.send(client, input);
    const early = (this.sent * 1000) / this.how.perSecond - (performance.now() - this.begun);
    if (early > 5) await sleep(early);
  }

  async settle(): Promise<void> {
    await sleep(100);
    this.sent = 0;
    await this.close();
  }

  async close(): Promise<void> {
    const { client } = this;
    this.client = undefined;
    this.joined = undefined;
    await client?.leave();
  }

  private async join(): Promise<RtpClient> {
    const url = this.server.server.signalUrl;
    const token = await this.server.tokenFor(CALL, 'participant');
    this.client = await RtpClient.join({
      ...{ url, room: CALL, token, name: 'Fuzz', data: true, screen: true },
      alterOffer: withAllFormats,
    });
    return this.client;
  }
}

/** werift's offer with the formats and extensions that browsers offer, for which it sends by hand. */
function withAllFormats(sdp: string): string {
  const [, ...offered] = chromiumOffer().split(/^(?=m=)/m);
  const lines = (section: string | undefined) =>
    (section ?? '').match(/^a=(rtpmap|fmtp|rtcp-fb|extmap):.*$/gm) ?? [];
  const formats = {
    audio: { list: '111 63', lines: lines(offered[0]) },
    video: { list: '96 97 102 103 98 99 45 46 49 50', lines: lines(offered[2]) },
  };
  return sdp
    .split(/^(?=m=)/m)
    .map((section) => {
      const kind = /^m=(audio|video) /.exec(section)?.[1] as 'audio' | 'video' | undefined;
      if (!kind) return section;
      const rest = section
        .split('\r\n')
        .filter((line) => !/^a=(rtpmap|fmtp|rtcp-fb|extmap):/.test(line));
      const [first = '', ...others] = rest;
      const head = first.replace(/(^m=\w+ \d+ \S+ ).*/, `$1${formats[kind].list}`);
      return [head, ...formats[kind].lines.filter(isWanted), ...others].join('\r\n');
    })
    .join('');
}

function isWanted(line: string): boolean {
  return !/^a=(rtpmap|fmtp|rtcp-fb):0 /.test(line);
}

async function srtp(server: FuzzServer): Promise<OpenTarget> {
  const inputs = new RtpInputs(await framePayloads(), SCREEN_MID);
  return new Member(server, {
    perSecond: RTP_PER_SECOND / 3,
    next: (random) => ({ how: 'packets', bytes: pack(inputs.next(random)) }),
    send: async (client, { bytes }) => {
      for (const packet of unpack(bytes)) await client.sendPlainRtp(packet);
    },
  });
}

function srtcp(server: FuzzServer): OpenTarget {
  return new Member(server, {
    perSecond: RTCP_PER_SECOND,
    next: (random) => {
      const compound = rtcpCompound(random, random.pick([1001, 2001, random.int(2 ** 32)]));
      const bytes = random.chance(0.5) ? mutateBytes(random, compound) : compound;
      return { how: 'compound', bytes };
    },
    // werift reads the SSRC of the first packet.
    send: (client, { bytes }) =>
      bytes.length < 8 ? undefined : client.sendRtcp([{ serialize: () => bytes }]),
  });
}

function chunk(random: Random): Buffer {
  const body = random.bytes(random.length(300));
  const type = random.pick(random.chance(0.005) ? LAST_CHUNKS : CHUNKS);
  const head = Buffer.from([type, random.int(8), 0, 0]);
  head.writeUInt16BE(random.chance(0.8) ? body.length + 4 : random.int(65_536), 2);
  return Buffer.concat([head, body]);
}

/** A data chunk with a message on any stream, of any protocol, as a part or whole (RFC 9260, 3.3.1). */
function dataChunk(random: Random): Buffer {
  const head = Buffer.alloc(16);
  const body = jsonText(random, mutateJson(random, dataMessage(random))).subarray(0, 1000);
  head[1] = random.pick([3, 3, 3, 7, 0, 1, 2]);
  head.writeUInt16BE(16 + body.length, 2);
  head.writeUInt16BE(random.pick([0, 0, 1, 65_535]), 8);
  head.writeUInt16BE(random.int(100), 10);
  head.writeUInt32BE(random.pick([TEXT, TEXT, 50, 53, 56, random.int(2 ** 32)]), 12);
  return Buffer.concat([head, body]);
}

function sctp(server: FuzzServer): OpenTarget {
  return new Member(server, {
    perSecond: SCTP_PER_SECOND,
    perClient: 50,
    next: (random) => {
      const how = random.pick(['data', 'data', 'chunk', 'packet']);
      if (how === 'data') return { how, bytes: dataChunk(random) };
      if (how === 'chunk') return { how, bytes: chunk(random) };
      return { how, bytes: random.bytes(random.length(1000)) };
    },
    send: async (client, { how, bytes }) => {
      if (how === 'packet') return client.sendSctpPacket(bytes);
      if (how === 'chunk') return client.sendSctpChunk(bytes);
      const numbered = Buffer.from(bytes);
      numbered.writeUInt32BE(client.nextTsn >>> 0, 4);
      return client.sendSctpChunk(numbered);
    },
  });
}

function dataMessages(server: FuzzServer): OpenTarget {
  return new Member(server, {
    perSecond: SCTP_PER_SECOND,
    next: (random) => {
      const bytes = jsonText(random, mutateJson(random, dataMessage(random)));
      return { how: 'text', bytes: bytes.subarray(0, 1000) };
    },
    send: (client, { bytes }) => client.sendData(bytes.toString()),
  });
}

export const ENCRYPTED: readonly Target[] = [
  { name: 'srtp', from: 'peer', batch: 1000, open: srtp },
  { name: 'srtcp', from: 'peer', batch: 1000, open: srtcp },
  { name: 'sctp', from: 'peer', batch: 500, open: sctp },
  { name: 'data-messages', from: 'peer', batch: 1000, open: dataMessages },
];
