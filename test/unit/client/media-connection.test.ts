import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { MediaConnection } from '../../../client/sdk/media-connection.js';
import type { ClientMessage } from '../../../src/protocol/client-messages.js';

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

  constructor() {
    FakePeerConnection.last = this;
  }

  async createOffer({ iceRestart }: { iceRestart: boolean }) {
    this.offers.push(iceRestart);
    return { sdp: 'a=rtpmap:111 opus/48000/2\r\n' };
  }
  async setLocalDescription(description: { sdp: string }) {
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
  sent = [];
  events = [];
  media = new MediaConnection({
    send: (message) => sent.push(message),
    onConnected: () => events.push('connected'),
    onInterrupted: () => events.push('interrupted'),
    onFailed: (error) => events.push(`failed: ${error}`),
  });
});
afterEach(() => {
  vi.unstubAllGlobals();
  vi.useRealTimers();
});

async function connected(): Promise<FakePeerConnection> {
  await media.start([], async () => {});
  await media.takeAnswer('v=0');
  const pc = FakePeerConnection.last;
  pc.become('connected');
  return pc;
}

test('media is added before the first offer, which asks for NACK of audio', async () => {
  await media.start([], async () => {
    expect(sent).toEqual([]);
  });
  expect(sent).toEqual([
    { type: 'offer', sdp: 'a=rtpmap:111 opus/48000/2\r\na=rtcp-fb:111 nack\r\n' },
  ]);
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
