import { beforeEach, expect, test } from 'vitest';
import { LocalMedia } from '../../../client/sdk/local-media.js';
import type { ClientMessage } from '../../../src/protocol/client-messages.js';

interface FakeTrack {
  readonly kind: string;
  enabled: boolean;
  getSettings(): { width: number; height: number };
}

function fakeTrack(kind: string): FakeTrack {
  return { kind, enabled: true, getSettings: () => ({ width: 1280, height: 720 }) };
}

/** Keeps what is added to it, in the order of m-lines. */
class FakePeerConnection {
  readonly lines: { kind: string; track: FakeTrack | null }[] = [];

  addTransceiver(media: FakeTrack | string) {
    const track = typeof media === 'string' ? null : media;
    const line = { kind: typeof media === 'string' ? media : media.kind, track };
    this.lines.push(line);
    const sender = {
      get track() {
        return line.track;
      },
      replaceTrack: async (other: FakeTrack | null) => {
        line.track = other;
      },
      getParameters: () => ({ encodings: [] }),
    };
    return { sender };
  }
}

let sent: ClientMessage[];
const audio = fakeTrack('audio');
const video = fakeTrack('video');

function localMedia(tracks: { audioTrack?: FakeTrack; videoTrack?: FakeTrack }): LocalMedia {
  return new LocalMedia(
    { url: '', room: '', ...tracks } as unknown as ConstructorParameters<typeof LocalMedia>[0],
    {
      send: (message) => sent.push(message),
      negotiate: async () => {},
      onScreen: () => {},
      onLayersFailed: (error) => {
        throw error;
      },
    },
  );
}

function addTo(local: LocalMedia): FakePeerConnection {
  const pc = new FakePeerConnection();
  local.reset();
  local.add(pc as unknown as RTCPeerConnection);
  return pc;
}

beforeEach(() => {
  sent = [];
  audio.enabled = true;
  video.enabled = true;
});

test('microphone comes before camera, with or without tracks', () => {
  const kinds = ({ lines }: FakePeerConnection) => lines.map(({ kind }) => kind);
  expect(kinds(addTo(localMedia({ audioTrack: audio, videoTrack: video })))).toEqual([
    'audio',
    'video',
  ]);
  expect(kinds(addTo(localMedia({})))).toEqual(['audio', 'video']);
});

test('switching off keeps the track and sends a mute message', () => {
  const local = localMedia({ audioTrack: audio, videoTrack: video });
  addTo(local);
  local.setMicEnabled(false);
  local.setCameraEnabled(false);
  expect([audio.enabled, video.enabled]).toEqual([false, false]);
  expect(local.cameraTrack).toBe(video);
  expect(sent).toEqual([
    { type: 'mute', mic: false },
    { type: 'mute', camera: false },
  ]);
});

test('a mute by a host switches the tracks off', () => {
  const local = localMedia({ audioTrack: audio, videoTrack: video });
  addTo(local);
  local.muted({ mic: true });
  expect([audio.enabled, video.enabled]).toEqual([false, true]);
});

test('the next connection has the replaced track, and the same mute state', async () => {
  const local = localMedia({ audioTrack: audio, videoTrack: video });
  addTo(local);
  const other = fakeTrack('video');
  await local.replaceTrack('video', other as unknown as MediaStreamTrack);
  local.setMicEnabled(false);
  local.keepTracks();
  const { lines } = addTo(local);
  local.announce();
  expect(lines.map(({ track }) => track)).toEqual([audio, other]);
  expect(sent.at(-1)).toEqual({ type: 'mute', mic: false, camera: true, screen: false });
});

test('a viewer keeps the tracks for when they become a participant', () => {
  const local = localMedia({ audioTrack: audio, videoTrack: video });
  local.reset();
  local.keepTracks();
  expect(local.isAdded).toBe(false);
  expect(addTo(local).lines.map(({ track }) => track)).toEqual([audio, video]);
  expect(local.isAdded).toBe(true);
});
