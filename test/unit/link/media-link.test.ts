import { Duplex } from 'node:stream';
import { expect, test, vi } from 'vitest';
import type { MediaFrame } from '../../../src/link/link-messages.js';
import { MediaLink } from '../../../src/link/media-link.js';

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
      damaged: false,
      colourSpace: { matrix: 'bt709', fullRange: true },
      rotation: 270,
      captureMicros: Number.NaN,
      arrivalMicros: 123_456_789,
      data: Buffer.from('abc'),
    },
    {
      kind: 'audio-in',
      source: 8,
      codec: 'pcmu',
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
  await vi.waitFor(() => expect(got).toHaveLength(frames.length + 1));
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
