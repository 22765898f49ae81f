import { pino } from 'pino';
import { beforeEach, expect, test } from 'vitest';
import type { PeerTransportEvents } from '../../../src/peer/peer-transport.js';
import type { PeerTransportCounters } from '../../../src/peer/transport-counters.js';
import {
  type ConnectionTransport,
  MediaConnection,
  SILENCE_LIMIT,
} from '../../../src/rooms/media-connection.js';
import { buildPli, type RtcpPacket } from '../../../src/rtp/rtcp.js';
import { nowMicros } from '../../../src/util/clock.js';

const FINGERPRINT = Array.from({ length: 32 }, () => 'AA').join(':');

/** An offer with a microphone, and a camera if `camera` is set. */
function offer({ fragment = 'abcd', camera = true, data = false } = {}): string {
  const section = (mid: number, lines: string[]) => [
    ...lines,
    `a=mid:${mid}`,
    `a=ice-ufrag:${fragment}`,
    'a=ice-pwd:abcdefghijklmnopqrstuv',
    `a=fingerprint:sha-256 ${FINGERPRINT}`,
    'a=setup:actpass',
  ];
  const audio = ['m=audio 9 UDP/TLS/RTP/SAVPF 111', 'a=rtpmap:111 opus/48000/2'];
  const video = ['m=video 9 UDP/TLS/RTP/SAVPF 96', 'a=rtpmap:96 VP8/90000'];
  const channel = ['m=application 9 UDP/DTLS/SCTP webrtc-datachannel', 'a=sctp-port:5000'];
  const media = (lines: string[]) => [...lines, 'a=sendonly', 'a=rtcp-mux'];
  const sections = [media(audio), ...(camera ? [media(video)] : []), ...(data ? [channel] : [])];
  const head = ['v=0', 'o=- 1 2 IN IP4 127.0.0.1', 's=-', 't=0 0'];
  const bundle = `a=group:BUNDLE ${sections.map((_, mid) => mid).join(' ')}`;
  const lines = [...head, bundle, ...sections.flatMap((one, mid) => section(mid, one))];
  return `${lines.join('\r\n')}\r\n`;
}

class FakeTransport implements ConnectionTransport {
  lastReceivedAt = 0;
  roundTripMicros = 0;
  gathered = Promise.resolve();
  localParameters = { usernameFragment: 'ours', password: 'secret', fingerprint: FINGERPRINT };
  readonly started: string[] = [];
  readonly candidates: string[] = [];
  readonly dataPorts: number[] = [];
  closed = 0;

  constructor(readonly events: PeerTransportEvents) {}

  async start({ usernameFragment }: { usernameFragment: string }): Promise<void> {
    this.started.push(usernameFragment);
  }

  addRemoteCandidate(candidate: string): boolean {
    this.candidates.push(candidate);
    return !candidate.includes('broken');
  }

  localCandidates(): string[] {
    return ['1 1 udp 1 192.0.2.1 5000 typ host'];
  }

  openData(port: number): void {
    this.dataPorts.push(port);
  }

  sendData(): boolean {
    return true;
  }

  sendRtp(): boolean {
    return true;
  }

  sendRtcp(): boolean {
    return true;
  }

  snapshot() {
    return { datagrams_received: 1 } as PeerTransportCounters;
  }

  liveCounters() {
    return [this.snapshot()];
  }

  async close(): Promise<void> {
    this.closed++;
  }
}

let transport: FakeTransport | undefined;
let events: string[];
let feedback: RtcpPacket[];
let connection: MediaConnection;

beforeEach(() => {
  transport = undefined;
  events = [];
  feedback = [];
  connection = new MediaConnection(
    {
      transport: {
        additionalAddresses: [],
        portRange: undefined,
        useIpv6: false,
        useTcp: false,
        candidatePolicy: { allowPrivate: false, allowLoopback: false },
      },
      videoCodecs: ['vp8'],
      dtx: false,
    },
    {
      onAudio: () => {},
      onVideo: () => {},
      accepts: () => true,
      onTooLarge: () => {},
      onRtcp: (packet) => feedback.push(packet),
      onState: (state, reason) => events.push(reason ? `${state}: ${reason}` : state),
      onRenegotiated: () => events.push('renegotiated'),
      onCandidate: (candidate) => events.push(candidate),
      onData: (text) => events.push(text),
    },
    pino({ level: 'silent' }),
    async (_, transportEvents) => {
      transport = new FakeTransport(transportEvents);
      return transport;
    },
  );
});

/** Negotiated and connected. */
async function connect(): Promise<FakeTransport> {
  await connection.negotiate(offer());
  const opened = transport as FakeTransport;
  opened.lastReceivedAt = nowMicros();
  opened.events.onConnected();
  return opened;
}

const tick = (after: number) => connection.tick(nowMicros() + after, 0, 1_000_000);

test('the first offer opens the connection and is answered with our candidates', async () => {
  expect(connection.state).toBe('new');
  expect(connection.outbound).toBeUndefined();
  const answer = await connection.negotiate(offer({ data: true }));
  expect(answer).toContain('a=ice-ufrag:ours');
  expect(answer).toContain('192.0.2.1 5000 typ host');
  expect([...connection.uses]).toEqual(['mic', 'camera', 'data']);
  expect(connection.remoteUsernameFragment).toBe('abcd');
  expect(transport?.dataPorts).toEqual([5000]);
  expect(events).toEqual(['connecting']);
  transport?.events.onConnected();
  expect(events).toEqual(['connecting', 'connected']);
  expect(connection.outbound?.sink).toBe(transport);
});

test('a later offer uses the same transport', async () => {
  const first = await connect();
  await connection.negotiate(offer({ camera: false }));
  expect(transport).toBe(first);
  expect(connection.uses.has('camera')).toBe(false);
  expect(events).toEqual(['connecting', 'connected', 'renegotiated']);
});

test('candidates need an offer, and must be readable', async () => {
  expect(() => connection.addCandidate('candidate:1')).toThrow(/before the offer/);
  await expect(
    connection.restartIce({ usernameFragment: 'x', password: 'y' }, []),
  ).rejects.toMatchObject({ code: 'out_of_order' });
  const opened = await connect();
  connection.addCandidate('candidate:1');
  expect(opened.candidates).toEqual(['candidate:1']);
  expect(() => connection.addCandidate('broken')).toThrow(/cannot be parsed/);
});

test('an ICE restart gives both sides new credentials', async () => {
  const opened = await connect();
  const credentials = { usernameFragment: 'fresh', password: 'abcdefghijklmnopqrstuv' };
  const fragment = await connection.restartIce(credentials, ['candidate:2']);
  expect(fragment).toContain('a=ice-ufrag:ours');
  expect(opened.started).toEqual(['abcd', 'fresh']);
  expect(opened.candidates).toEqual(['candidate:2']);
  expect(connection.remoteUsernameFragment).toBe('fresh');
});

test('silence interrupts the connection, and a datagram brings it back', async () => {
  const opened = await connect();
  tick(SILENCE_LIMIT - 1_000_000);
  expect(connection.state).toBe('connected');
  tick(SILENCE_LIMIT + 1_000_000);
  expect(connection.state).toBe('interrupted');
  opened.lastReceivedAt = nowMicros() + SILENCE_LIMIT;
  tick(SILENCE_LIMIT + 1_000_000);
  expect(events).toEqual(['connecting', 'connected', 'interrupted', 'connected']);
});

test('a client that does not connect in time fails, once', async () => {
  await connection.negotiate(offer());
  tick(19_000_000);
  expect(connection.state).toBe('connecting');
  tick(21_000_000);
  transport?.events.onFailed('ice_failed');
  expect(events).toEqual(['connecting', 'failed: timeout']);
});

test('feedback is passed on, as far as its rate is allowed', async () => {
  const opened = await connect();
  opened.events.onRtcp(buildPli(5, 6));
  expect(feedback).toEqual([{ type: 'pli', mediaSsrc: 6 }]);
  for (let i = 0; i < 2000; i++) opened.events.onRtcp(buildPli(5, 6));
  expect(feedback.length).toBeLessThan(1500);
  expect(connection.snapshot()).toMatchObject({
    datagrams_received: 1,
    rtcp_rate_limited: 2001 - feedback.length,
  });
});

test('errors while packets are handled are counted, and end nothing', async () => {
  const opened = await connect();
  for (let i = 0; i < 3; i++) opened.events.onListenerError(new Error('broken'));
  expect(connection.snapshot()).toMatchObject({ connection_errors: 3 });
  expect(connection.state).toBe('connected');
});

test('close is idempotent, and no event follows', async () => {
  const opened = await connect();
  await connection.close();
  await connection.close();
  opened.events.onFailed('dtls_closed');
  expect(opened.closed).toBe(1);
  expect(events).toEqual(['connecting', 'connected']);
  await expect(connection.negotiate(offer())).rejects.toMatchObject({ code: 'out_of_order' });
});
