import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { MediaConnection } from '../../../client/sdk/media-connection.js';
import type { ClientMessage } from '../../../src/protocol/client-messages.js';
import type { IceServer } from '../../../src/protocol/ice-server.js';

const OFFERED =
  'a=rtpmap:111 opus/48000/2\r\na=fmtp:111 minptime=10;useinbandfec=1\r\na=rtpmap:0 PCMU/8000\r\n';

/** What the connection under test sees of a browser. */
class FakePeerConnection {
  static last: FakePeerConnection;
  signalingState = 'stable';
  connectionState = 'new';
  localDescription: { sdp: string } | undefined;
  onconnectionstatechange: (() => void) | null = null;
  onicecandidate: ((event: unknown) => void) | null = null;
  ontrack: ((event: unknown) => void) | null = null;
  readonly offers: boolean[] = [];
  readonly candidates: unknown[] = [];
  closed = false;
  /** Refuses descriptions that the page has changed. */
  refusesChanges = false;
  configuration: Record<string, unknown> = { bundlePolicy: 'max-bundle' };
  framesDecoded = 0;

  constructor() {
    FakePeerConnection.last = this;
  }

  async createOffer({ iceRestart }: { iceRestart: boolean }) {
    this.offers.push(iceRestart);
    return { sdp: OFFERED };
  }
  getConfiguration() {
    return this.configuration;
  }
  setConfiguration(configuration: Record<string, unknown>) {
    this.configuration = configuration;
  }
  async getStats() {
    const { framesDecoded } = this;
    return new Map([['in', { type: 'inbound-rtp', kind: 'video', framesDecoded }]]);
  }
  async setLocalDescription(description: { sdp: string }) {
    if (this.refusesChanges && description.sdp !== OFFERED) throw new Error('modified');
    this.localDescription = description;
    this.signalingState = 'have-local-offer';
  }
  async setRemoteDescription() {
    this.signalingState = 'stable';
  }
  async addIceCandidate(candidate: unknown) {
    this.candidates.push(candidate);
  }
  close() {
    this.closed = true;
  }
  become(state: string) {
    this.connectionState = state;
    this.onconnectionstatechange?.();
  }
}

class FakeStream {
  private readonly tracks = new Set<unknown>();
  getTracks = () => [...this.tracks];
  addTrack = (track: unknown) => this.tracks.add(track);
  removeTrack = (track: unknown) => this.tracks.delete(track);
}

let sent: ClientMessage[];
let events: string[];
let media: MediaConnection;

beforeEach(() => {
  vi.useFakeTimers();
  vi.stubGlobal('RTCPeerConnection', FakePeerConnection);
  vi.stubGlobal('MediaStream', FakeStream);
  vi.stubGlobal('reportError', (error: unknown) => events.push(String(error)));
  sent = [];
  events = [];
  media = new MediaConnection({
    send: (message) => sent.push(message),
    onConnected: () => events.push('connected'),
    onInterrupted: () => events.push('interrupted'),
    onFailed: (error) => events.push(`failed: ${error}`),
    expectsPicture: () => true,
    onMissing: (isMissing) => events.push(isMissing ? 'missing' : 'there'),
  });
});
afterEach(() => {
  vi.unstubAllGlobals();
  vi.useRealTimers();
});

async function connected(iceServers: readonly IceServer[] = []): Promise<FakePeerConnection> {
  await media.start(iceServers, async () => {});
  await media.takeAnswer('v=0');
  const pc = FakePeerConnection.last;
  pc.become('connected');
  return pc;
}

test('media is added before the first offer, which asks for NACK and stereo', async () => {
  await media.start([], async () => {
    expect(sent).toEqual([]);
  });
  const sdp =
    'a=rtpmap:111 opus/48000/2\r\na=rtcp-fb:111 nack\r\na=fmtp:111 minptime=10;useinbandfec=1;stereo=1\r\na=rtpmap:0 PCMU/8000\r\n';
  expect(sent).toEqual([{ type: 'offer', sdp }]);
});

test('a browser that takes no changed description offers its own', async () => {
  const refusing = media.start([], async (pc) => {
    (pc as unknown as FakePeerConnection).refusesChanges = true;
  });
  await refusing;
  expect(sent).toEqual([{ type: 'offer', sdp: OFFERED }]);
});

const TURN: readonly IceServer[] = [{ urls: ['turn:t'], username: '1:a', credential: 'x' }];

test('a restart of ICE waits for new credentials of the TURN servers, and uses them', async () => {
  const pc = await connected(TURN);
  const restarted = media.restartIce();
  await vi.advanceTimersByTimeAsync(0);
  expect(sent.at(-1)).toEqual({ type: 'iceServers' });
  expect(pc.offers).toEqual([false]);
  const fresh = [{ urls: ['turn:t'], username: '2:a', credential: 'y' }];
  media.setIceServers(fresh);
  await restarted;
  expect(pc.configuration).toEqual({ bundlePolicy: 'max-bundle', iceServers: fresh });
  expect(pc.offers).toEqual([false, true]);
});

test('without an answer ICE is restarted with the credentials that there are', async () => {
  const pc = await connected(TURN);
  media.restartIce();
  await vi.advanceTimersByTimeAsync(1000);
  expect(pc.offers).toEqual([false, true]);
});

test('it says when nothing is decoded within 5 s, once, and when it is after all', async () => {
  const pc = await connected();
  await vi.advanceTimersByTimeAsync(12_000);
  expect(events).toEqual(['connected', 'missing']);
  pc.framesDecoded = 1;
  await vi.advanceTimersByTimeAsync(12_000);
  expect(events).toEqual(['connected', 'missing', 'there']);
});

test('a call that is decoded is not watched any more', async () => {
  const pc = await connected();
  pc.framesDecoded = 1;
  await vi.advanceTimersByTimeAsync(5000);
  pc.framesDecoded = 0;
  await vi.advanceTimersByTimeAsync(20_000);
  expect(events).toEqual(['connected']);
});

test('an offer that is wanted while another is pending follows its answer', async () => {
  await media.start([], async () => {});
  const pc = FakePeerConnection.last;
  await media.offer();
  await media.offer();
  expect(pc.offers).toHaveLength(1);
  await media.takeAnswer('v=0');
  expect(pc.offers).toHaveLength(2);
  await media.takeAnswer('v=0');
  expect(pc.offers).toHaveLength(2);
});

test('candidates go both ways, the end of candidates is not sent', async () => {
  const pc = await connected();
  pc.onicecandidate?.({ candidate: { candidate: 'candidate:1' } });
  pc.onicecandidate?.({ candidate: null });
  expect(sent.at(-1)).toEqual({ type: 'candidate', candidate: 'candidate:1' });
  await media.takeCandidate('candidate:2');
  expect(pc.candidates).toEqual([{ candidate: 'candidate:2', sdpMLineIndex: 0 }]);
});

test('ICE is restarted once, a second after media stopped', async () => {
  const pc = await connected();
  pc.become('disconnected');
  await vi.advanceTimersByTimeAsync(900);
  expect(pc.offers).toEqual([false]);
  pc.become('failed');
  await vi.advanceTimersByTimeAsync(200);
  expect(pc.offers).toEqual([false, true]);
  expect(events).toEqual(['connected', 'interrupted', 'interrupted']);
});

test('ICE is restarted at once after a failure', async () => {
  const pc = await connected();
  pc.become('failed');
  await vi.advanceTimersByTimeAsync(0);
  expect(pc.offers).toEqual([false, true]);
});

test('a connection that comes back by itself is not restarted', async () => {
  const pc = await connected();
  pc.become('disconnected');
  pc.become('connected');
  await vi.advanceTimersByTimeAsync(5000);
  expect(pc.offers).toEqual([false]);
});

test('a dropped connection is silent, and the stream is empty for the next one', async () => {
  const pc = await connected();
  pc.ontrack?.({ track: 'audio' });
  pc.ontrack?.({ track: 'audio' });
  expect(media.stream.getTracks()).toEqual(['audio']);
  pc.become('disconnected');
  media.drop();
  pc.become('failed');
  await vi.advanceTimersByTimeAsync(5000);
  expect(pc).toMatchObject({ closed: true, offers: [false] });
  expect(media.stream.getTracks()).toEqual([]);
  expect(media.peerConnection).toBeUndefined();
  await media.offer();
  expect(events).toEqual(['connected', 'interrupted']);
});
