import { readFileSync } from 'node:fs';
import { Duplex } from 'node:stream';
import { expect, test } from 'vitest';
import { loadSettings } from '../../../src/config/load.js';
import { iceServersFor, roomOptions } from '../../../src/config/room-options.js';
import { settingsTable } from '../../../src/config/schema.js';
import type { MediaFrame } from '../../../src/link/link-messages.js';
import { MediaLink } from '../../../src/link/media-link.js';
import { cleanName, cleanRoomId } from '../../../src/rooms/names.js';

test('all faults of a configuration are named at once', () => {
  const environment = {
    TESSERA_VIDEO_WIDTH: '1281',
    TESSERA_PORT: 'x',
    TESSERA_NOPE: '1',
    OTHER: 'y',
  };
  expect(() => loadSettings({ environment })).toThrow(
    /VIDEO_WIDTH[\s\S]*NOPE|PORT[\s\S]*VIDEO_WIDTH/,
  );
  expect(() => loadSettings({ environment })).toThrow(/TESSERA_NOPE: no such setting/);
  expect(roomOptions(loadSettings({}).settings).mix).toMatchObject({
    width: 1280,
    height: 720,
    frameRate: 30,
  });
});

test('no STUN server by default; coturn credentials are time-limited', () => {
  expect(iceServersFor(loadSettings({}).settings, 'me', 1000)).toEqual([]);
  const environment = {
    TESSERA_ICE_URLS: 'turn:t.example:3478',
    TESSERA_ICE_SECRET: 'north',
  };
  const { settings } = loadSettings({ environment });
  expect(iceServersFor(settings, 'me', 1000)).toEqual([
    {
      urls: ['turn:t.example:3478'],
      username: '87400:me',
      credential: 'cwrd3TEAeDagQVvX+NsSg804Fto=',
    },
  ]);
});

test("the README's table is the one of the schema", () => {
  const readme = readFileSync(new URL('../../../README.md', import.meta.url), 'utf8');
  expect(readme).toContain(settingsTable());
});

test('names are normalised and bounded', () => {
  expect(cleanName('  Zoe\u0308 \u202e\u0000 K ')).toBe('Zoë K');
  expect(cleanName('👩‍👩‍👧')).toBe('👩‍👩‍👧');
  expect(() => cleanName('\u200b')).toThrow();
  expect(() => cleanName('x'.repeat(65))).toThrow();
  expect(cleanRoomId('Büro_7-a')).toBe('Büro_7-a');
  for (const bad of ['', '../x', 'a b', 'x'.repeat(65)]) expect(() => cleanRoomId(bad)).toThrow();
});

/** Two ends of a pipe whose chunks are cut at odd places. */
function pipes(): [Duplex, Duplex] {
  const end = (other: () => Duplex) =>
    new Duplex({
      read() {},
      write(chunk: Buffer, _encoding, done) {
        for (let at = 0; at < chunk.length; at += 7) other().push(chunk.subarray(at, at + 7));
        done();
      },
    });
  const a: Duplex = end(() => b);
  const b: Duplex = end(() => a);
  return [a, b];
}

test('the link carries every kind of frame and message, in order, however the bytes are cut', async () => {
  const [a, b] = pipes();
  const got: unknown[] = [];
  const quiet = { onMessage: () => {}, onFrame: () => {}, onClose: () => {} };
  const sender = new MediaLink(a, quiet);
  const receiver = new MediaLink(b, {
    ...quiet,
    onMessage: (m) => got.push(m),
    onFrame: (f) => got.push(f),
  });
  const frames: MediaFrame[] = [
    {
      kind: 'video-in',
      source: 7,
      codec: 'h264',
      keyframe: true,
      colourSpace: { matrix: 'bt709', fullRange: true },
      rotation: 270,
      captureMicros: Number.NaN,
      arrivalMicros: 123_456_789,
      data: Buffer.from('abc'),
    },
    {
      kind: 'audio-in',
      source: 8,
      sequence: 65_535,
      timestamp: 0xffff_ffff,
      isRepeat: true,
      isSilent: true,
      arrivalMicros: 123_456_789,
      captureMicros: 3.9e15,
      data: Buffer.from('x'),
    },
    {
      kind: 'video-out',
      codec: 'vp8',
      rendition: 1,
      keyframe: false,
      temporalLayer: 1,
      ptsMicros: 42,
      encodedMicros: 43,
      data: Buffer.alloc(1000, 1),
    },
    {
      kind: 'audio-out',
      source: 0,
      ptsMicros: 43,
      last: true,
      low: false,
      lowBegins: true,
      data: Buffer.alloc(0),
    },
  ];
  sender.send({ type: 'keyframe', urgent: true, codec: 'vp8', rendition: 0 });
  for (const frame of frames) sender.sendFrame(frame);
  await new Promise((resolve) => setTimeout(resolve, 20));
  receiver.close();
  expect(got).toEqual([{ type: 'keyframe', urgent: true, codec: 'vp8', rendition: 0 }, ...frames]);
});

test('a link whose other end does not read drops frames and counts them', () => {
  const stuck = new Duplex({ read() {}, write() {} });
  const link = new MediaLink(stuck, { onMessage: () => {}, onFrame: () => {}, onClose: () => {} });
  const frame = {
    kind: 'video-out',
    codec: 'vp8',
    rendition: 1,
    keyframe: true,
    temporalLayer: 0,
    ptsMicros: 0,
    encodedMicros: 0,
    data: Buffer.alloc(1 << 20),
  } as const;
  for (let i = 0; i < 20; i++) link.sendFrame(frame);
  expect(link.droppedFrames).toBeGreaterThan(5);
});
