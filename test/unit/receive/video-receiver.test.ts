import { expect, test } from 'vitest';
import { UPLINK_VIDEO } from '../../../src/codecs/codecs.js';
import { H264Depacketizer } from '../../../src/codecs/h264-depacketizer.js';
import { packetizeH264 } from '../../../src/codecs/h264-packetizer.js';
import { h264SpsSize } from '../../../src/codecs/h264-sps.js';
import { packetizeVp8 } from '../../../src/codecs/vp8-packetizer.js';
import { UPLINK_VIDEO_CODECS } from '../../../src/protocol/codec-names.js';
import { NackGenerator } from '../../../src/receive/nack-generator.js';
import { type ReceivedFrame, VideoReceiver } from '../../../src/receive/video-receiver.js';

function vp8Frame(keyframe: boolean, length: number, fill: number): Buffer {
  const frame = Buffer.alloc(length, fill);
  frame.set(keyframe ? [0x10, 0, 0, 0x9d, 0x01, 0x2a, 0x40, 0x01, 0xb4, 0x00] : [0x11, 0, 0]);
  return frame;
}

interface Sent {
  readonly sequence: number;
  readonly timestamp: number;
  readonly marker: boolean;
  readonly payload: Buffer;
}

function stream(frames: readonly Buffer[], first = 65_530): Sent[] {
  let sequence = first;
  return frames.flatMap((frame, index) =>
    packetizeVp8(frame, index).map((payload, at, all) => ({
      sequence: sequence++ & 0xffff,
      timestamp: index * 3000,
      marker: at === all.length - 1,
      payload,
    })),
  );
}

function receiver() {
  const frames: ReceivedFrame[] = [];
  const asked: string[] = [];
  const video = new VideoReceiver({
    onFrame: (frame) => frames.push(frame),
    requestKeyframe: () => asked.push('keyframe'),
    accepts: () => true,
    onTooLarge: () => asked.push('too large'),
    onSize: () => {},
  });
  const give = (packet: Sent, now: number) => video.receive({ ...packet } as never, 'vp8', now);
  return { frames, asked, video, give };
}

test('frames are complete and in order for any order of packets', () => {
  const sent = [vp8Frame(true, 4000, 1), vp8Frame(false, 3000, 2), vp8Frame(false, 10, 3)];
  const packets = stream(sent);
  const { frames, give } = receiver();
  const shuffled = [
    packets[1],
    packets[0],
    packets[3],
    packets[2],
    ...packets.slice(4).reverse(),
  ] as Sent[];
  for (const packet of shuffled) give(packet, 0);
  expect(frames.map(({ data }) => data)).toEqual(sent);
  expect(frames[0]).toMatchObject({ keyframe: true, size: { width: 320, height: 180 } });
});

test('a lost packet is requested; without it a keyframe is requested, and no broken frame is emitted', () => {
  const packets = stream([
    vp8Frame(true, 20, 1),
    vp8Frame(false, 20, 2),
    vp8Frame(false, 20, 3),
    vp8Frame(false, 20, 4),
  ]);
  const { frames, asked, video, give } = receiver();
  for (const index of [0, 2, 3]) give(packets[index] as Sent, 0);
  expect(frames).toHaveLength(1);
  expect(video.nack.due(0, 0)).toHaveLength(1);
  give(packets[1] as Sent, 50_000);
  expect(frames).toHaveLength(4);
  const more = stream(
    [vp8Frame(true, 20, 1), vp8Frame(false, 20, 2), vp8Frame(false, 20, 3), vp8Frame(true, 20, 5)],
    3,
  );
  for (let now = 60_000; now < 2_000_000; now += 20_000) {
    if (now === 60_000) for (const index of [0, 2]) give(more[index] as Sent, now);
    video.nack.due(now, 100_000);
    video.tick(now);
  }
  expect(asked).toContain('keyframe');
  const before = frames.length;
  give(more[3] as Sent, 2_000_000);
  expect(frames.slice(before).map(({ keyframe }) => keyframe)).toEqual([true]);
});

test('keyframe requests are 500 ms apart, and become rarer', () => {
  const { asked, video } = receiver();
  const at: number[] = [];
  for (let now = 0; now < 16_000_000; now += 10_000) {
    const before = asked.length;
    video.askKeyframe(now);
    if (asked.length > before) at.push(now / 1000);
  }
  expect(at).toEqual([0, 500, 1000, 2000, 4000, 8000, 12_000]);
});

test('a decoder that needs a keyframe and gets none may go on without; the stream does not fail', () => {
  const { frames, video, give } = receiver();
  const packets = stream([vp8Frame(true, 20, 1), ...Array(100).fill(vp8Frame(false, 20, 2))]);
  packets.forEach((packet, index) => {
    give(packet, index * 33_333);
    video.tick(index * 33_333);
    if (index > 10) video.askKeyframe(index * 33_333);
  });
  expect(frames).toHaveLength(101);
  expect(frames.slice(0, 20).some(({ damaged }) => damaged)).toBe(false);
  expect(frames.slice(-20).every(({ damaged }) => damaged)).toBe(true);
  expect(video.isFailing(101 * 33_333)).toBe(false);
});

test('NACK: gated by the round trip, ten tries, across the wrap', () => {
  const nack = new NackGenerator();
  nack.received(65_534, 0);
  expect(nack.received(65_537, 0)).toBe(true);
  expect(nack.due(0, 100_000)).toEqual([65_535, 65_536]);
  expect(nack.due(50_000, 100_000)).toEqual([]);
  nack.received(65_536, 60_000);
  let tries = 1;
  for (let now = 100_000; now < 3_000_000; now += 100_000) tries += nack.due(now, 100_000).length;
  expect(tries).toBe(10);
  expect(nack.isMissing(65_535)).toBe(false);
});

test('NACK: a gap is given up after 300 ms, later where repairs are slow, after a second at most', () => {
  const nack = new NackGenerator();
  const lose = (sequence: number, now: number) => {
    nack.received(sequence - 1, now);
    nack.received(sequence + 1, now);
    nack.due(now, 20_000);
  };
  const patience = (sequence: number, since: number) => {
    for (let wait = 0; ; wait += 10_000) {
      nack.due(since + wait, 20_000);
      if (nack.isHopeless(sequence, since + wait, 20_000)) return wait / 1000;
    }
  };
  lose(10, 0);
  expect(patience(10, 0)).toBe(300);
  const at = (n: number) => 10 + 3 * n;
  for (let n = 1; n <= 40; n++) {
    lose(at(n), n * 1_000_000);
    nack.received(at(n), n * 1_000_000 + 180_000);
  }
  lose(at(41), 50_000_000);
  const slow = patience(at(41), 50_000_000);
  expect(slow).toBeGreaterThan(450);
  expect(slow).toBeLessThanOrEqual(1000);
});

test('H.264: packets and back, STAP-A and FU-A, and the size in the SPS', () => {
  const sps = Buffer.from(
    '6742c01fda014016e9a808080a000003000200000300793065800000',
    'hex',
  ).subarray(0, 24);
  expect(h264SpsSize(sps)).toEqual({ width: 1280, height: 720 });
  const pps = Buffer.from('68ce3c80', 'hex');
  const idr = Buffer.alloc(5000, 0x55);
  idr.set([0x65, 0xb8]);
  const code = Buffer.from([0, 0, 0, 1]);
  const frame = Buffer.concat([code, sps, code, pps, code, idr]);
  const payloads = packetizeH264(frame);
  expect(payloads.length).toBeGreaterThan(4);
  const h264Depacketizer = new H264Depacketizer();
  expect(h264Depacketizer.startsKeyframe(payloads[0] as Buffer)).toBe(true);
  expect(h264Depacketizer.assemble(payloads)).toEqual({
    data: frame,
    keyframe: true,
    size: { width: 1280, height: 720 },
  });
  expect(h264Depacketizer.assemble(payloads.slice(0, -1))).toBeUndefined();
});

test('no payload makes a depacketizer throw', () => {
  const depacketizers = UPLINK_VIDEO_CODECS.map((codec) =>
    UPLINK_VIDEO[codec].uplink.createDepacketizer({}),
  );
  for (let seed = 0; seed < 4000; seed++) {
    const payloads = Array.from({ length: 1 + (seed % 4) }, (_, k) =>
      Buffer.from(
        Array.from(
          { length: (seed + k * 5) % 23 },
          (_, i) => (seed * 131 + i * 17 * k + ((seed * i) >> 2)) & 255,
        ),
      ),
    );
    for (const depacketizer of depacketizers) {
      depacketizer.assemble(payloads);
      for (const payload of payloads) {
        depacketizer.arrived?.(payload);
        depacketizer.startsKeyframe(payload);
        depacketizer.sizeIn(payload);
        depacketizer.hasPicture?.(payload);
      }
    }
  }
});
