/** What is one picture in H.264 and H.265, whatever markers, units and timestamps a sender chooses. */
import { describe, expect, test } from 'vitest';
import { joinAnnexB, splitAnnexB } from '../../../src/codecs/annex-b.js';
import { type ReceivedFrame, VideoReceiver } from '../../../src/receive/video-receiver.js';
import type { FormatParameters } from '../../../src/rtp/negotiated-media.js';
import { asRtp, type SentPacket, SentVideo } from '../../support/sent-video.js';
import { H264_PPS, H264_SPS, H265_PPS, H265_SPS, H265_VPS } from '../../support/video-frames.js';

const FRAME = 33_333;
const TICKS = 3000;
const START = 1_000_000;
const IDR = Buffer.from([0x65, 0xb8, 1, 2, 3, 4]);
const IDR_SECOND = Buffer.from([0x65, 0x48, 5, 6, 7, 8]);
const SLICE = Buffer.from([0x41, 0x9a, 1, 2, 3, 4]);
const SLICE_SECOND = Buffer.from([0x41, 0x5a, 5, 6, 7, 8]);
const SIZE = { width: 1280, height: 720 };
const always = () => true;

type Codec = 'h264' | 'h265';

function receive(codec: Codec, parameters: FormatParameters = {}) {
  const frames: ReceivedFrame[] = [];
  const asked: number[] = [];
  let now = START;
  const video = new VideoReceiver({
    onFrame: (frame) => frames.push(frame),
    requestKeyframe: () => asked.push(now),
    accepts: () => true,
    onTooLarge: () => {},
    onSize: () => {},
  });
  const sender = new SentVideo(codec);
  const deliver = (packets: readonly SentPacket[]) => {
    for (const packet of packets) video.receive(asRtp(packet), codec, now, parameters);
  };
  const pass = (micros: number) => {
    for (const end = now + micros; now < end; now += 10_000) video.tick(now, 20_000);
  };
  return { frames, asked, video, sender, deliver, pass };
}

/** Gives groups of payloads, each with its timestamp; frames are a frame interval apart. */
function play(
  groups: readonly { at: number; payloads: readonly Buffer[]; isMarked?: () => boolean }[],
  parameters: FormatParameters = {},
  codec: Codec = 'h264',
) {
  const { frames, asked, video, sender, deliver, pass } = receive(codec, parameters);
  let last = groups[0]?.at ?? 0;
  for (const { at, payloads, isMarked } of groups) {
    pass((at - last) * FRAME);
    last = at;
    deliver(sender.packets(payloads, Math.round(at * TICKS), isMarked));
  }
  pass(3 * FRAME);
  return { frames, asked, counters: video.counters };
}

const units = ({ data }: ReceivedFrame) => splitAnnexB(data);

/** Ten frames of one slice. */
const deltas = (from: number, payloads: readonly Buffer[] = [SLICE], isMarked?: () => boolean) =>
  Array.from({ length: 10 }, (_, index) => ({
    at: from + index,
    payloads,
    ...(isMarked ? { isMarked } : {}),
  }));

describe('H.264: a picture is what has one timestamp', () => {
  test('a marker on the parameter sets too', () => {
    const payloads = [H264_SPS, H264_PPS, IDR];
    const { frames, asked, counters } = play([{ at: 0, payloads, isMarked: always }, ...deltas(1)]);
    expect(frames).toHaveLength(11);
    expect(frames[0]).toMatchObject({ keyframe: true, size: SIZE });
    expect(units(frames[0] as ReceivedFrame)).toEqual(payloads);
    expect([asked, counters.video_frames_malformed]).toEqual([[], 0]);
  });

  test('parameter sets with a timestamp of their own', () => {
    const { frames, asked } = play([
      { at: 0, payloads: [H264_SPS, H264_PPS], isMarked: always },
      { at: 0.5, payloads: [IDR] },
      ...deltas(1),
    ]);
    expect(frames).toHaveLength(11);
    expect(units(frames[0] as ReceivedFrame)).toEqual([H264_SPS, H264_PPS, IDR]);
    expect(asked).toEqual([]);
  });

  test('a marker on each slice, from the first picture on', () => {
    const key = [H264_SPS, H264_PPS, IDR, IDR_SECOND];
    const { frames, asked, counters } = play([
      { at: 0, payloads: key, isMarked: always },
      ...deltas(1, [SLICE, SLICE_SECOND], always),
    ]);
    expect(frames.map((frame) => units(frame).length)).toEqual([4, ...Array(10).fill(2)]);
    expect([asked, counters.video_frames_malformed]).toEqual([[], 0]);
  });

  test('no marker at all', () => {
    const { frames, asked } = play([
      { at: 0, payloads: [H264_SPS, H264_PPS, IDR], isMarked: () => false },
      ...deltas(1, [SLICE], () => false),
    ]);
    // The last picture is not known to be over.
    expect(frames).toHaveLength(10);
    expect(asked).toEqual([]);
  });

  test('markers that can be trusted end a picture at once', () => {
    const { frames, sender, deliver, pass } = receive('h264');
    deliver(sender.packets([H264_SPS, H264_PPS, IDR], 0));
    // The first keyframe shows whether markers can be trusted.
    pass(100_000);
    expect(frames).toHaveLength(1);
    deliver(sender.packets([SLICE], 9000));
    expect(frames).toHaveLength(2);
  });

  test('a picture in two slices after many in one: the torn one is not given on', () => {
    const { frames, counters } = play([
      { at: 0, payloads: [H264_SPS, H264_PPS, IDR] },
      ...deltas(1),
      { at: 11, payloads: [SLICE, SLICE_SECOND], isMarked: always },
      { at: 12, payloads: [H264_SPS, H264_PPS, IDR, IDR_SECOND], isMarked: always },
      ...deltas(13, [SLICE, SLICE_SECOND], always),
    ]);
    expect(frames.slice(-11).map((frame) => units(frame).length)).toEqual([
      4,
      ...Array(10).fill(2),
    ]);
    expect(counters.video_frames_malformed).toBe(1);
  });
});

describe('H.264: units beside the pictures', () => {
  const strays: [name: string, unit: Buffer][] = [
    ['delimiter', Buffer.from([0x09, 0xf0])],
    ['end of sequence', Buffer.from([0x0a])],
    ['end of stream', Buffer.from([0x0b])],
    ['filler', Buffer.from([0x0c, 0xff, 0xff, 0x80])],
    ['subset SPS', Buffer.from([0x6f, 0x42, 0xc0, 0x1f])],
    ['prefix', Buffer.from([0x6e, 0x40, 0x80])],
    ['slice of another view', Buffer.from([0x74, 0x40, 0x80, 0x21])],
    ['unit of a reserved type', Buffer.from([0x17, 1, 2])],
  ];

  test.each(strays)('%s: before, after, with a marker, alone: ignored', (_, unit) => {
    const { frames, asked, counters } = play([
      { at: 0, payloads: [unit, H264_SPS, H264_PPS, IDR, unit] },
      ...deltas(1, [unit, SLICE]),
      ...deltas(11, [SLICE, unit], always),
      { at: 21, payloads: [unit] },
      ...deltas(22),
    ]);
    expect(frames).toHaveLength(31);
    expect(frames.flatMap(units).some((one) => one.equals(unit))).toBe(false);
    expect([asked, counters.video_frames_malformed]).toEqual([[], 0]);
  });

  test('SEI is kept', () => {
    const sei = Buffer.from([0x06, 0x06, 0x01, 0xc4, 0x80]);
    const { frames } = play([{ at: 0, payloads: [H264_SPS, H264_PPS, sei, IDR] }, ...deltas(1)]);
    expect(units(frames[0] as ReceivedFrame)).toHaveLength(4);
  });

  test.each([
    ['STAP-B', 25],
    ['MTAP16', 26],
    ['MTAP24', 27],
    ['FU-B', 29],
    ['30', 30],
    ['31', 31],
  ])('packets of mode 2 (%s) are counted, and a keyframe is asked for', (_, type) => {
    const { frames, asked, counters } = play([
      { at: 0, payloads: [H264_SPS, H264_PPS, IDR] },
      { at: 1, payloads: [Buffer.from([0x60 | type, 0, 0, 0, 4, 1, 2, 3, 4])] },
      ...deltas(2),
    ]);
    expect(counters.video_frames_malformed).toBe(1);
    expect([frames.length, asked.length]).toEqual([1, 1]);
  });
});

describe('H.264: parameter sets are remembered', () => {
  const sprop = { 'sprop-parameter-sets': [H264_SPS, H264_PPS].map(base64).join(',') };

  test('from the SDP, where they are in no packet', () => {
    const { frames, asked } = play([{ at: 0, payloads: [IDR] }, ...deltas(1)], sprop);
    expect(frames).toHaveLength(11);
    expect(frames[0]).toMatchObject({ keyframe: true, size: SIZE });
    expect(frames[0]?.data).toEqual(joinAnnexB([H264_SPS, H264_PPS, IDR]));
    expect(asked).toEqual([]);
  });

  test('sent once: after a loss any IDR picture starts again', () => {
    const { frames, sender, deliver, pass } = receive('h264');
    deliver(sender.packets([H264_SPS, H264_PPS, IDR], 0));
    for (let at = 1; at < 90; at++) {
      pass(FRAME);
      const packets = sender.packets([at % 30 === 0 ? IDR : SLICE], at * TICKS);
      if (at !== 5) deliver(packets);
    }
    const keyframes = frames.filter(({ keyframe }) => keyframe);
    expect(keyframes).toHaveLength(3);
    for (const frame of keyframes) expect(units(frame)).toEqual([H264_SPS, H264_PPS, IDR]);
    expect(frames.length).toBeGreaterThan(60);
  });

  test('they need not come with the keyframe that is lost', () => {
    const { frames, sender, deliver, pass } = receive('h264');
    deliver(sender.packets([H264_SPS, H264_PPS], 0));
    sender.packets([IDR], TICKS);
    for (let at = 2; at < 40; at++) {
      pass(FRAME);
      deliver(sender.packets([at === 30 ? IDR : SLICE], at * TICKS));
    }
    expect(frames[0]?.keyframe).toBe(true);
    expect(frames.length).toBe(10);
  });

  test('without any, an IDR picture is no beginning', () => {
    const { frames, asked } = play([{ at: 0, payloads: [IDR] }, ...deltas(1)]);
    expect(frames).toEqual([]);
    expect(asked.length).toBeGreaterThan(0);
  });

  test('in STAP-A and in fragments', () => {
    const stap = Buffer.concat([
      Buffer.from([0x78, 0, H264_SPS.length]),
      H264_SPS,
      Buffer.from([0, H264_PPS.length]),
      H264_PPS,
    ]);
    const parts = [
      Buffer.concat([Buffer.from([0x7c, 0x85]), IDR.subarray(1, 3)]),
      Buffer.concat([Buffer.from([0x7c, 0x45]), IDR.subarray(3)]),
    ];
    const { frames } = play([
      { at: 0, payloads: [stap, ...parts] },
      { at: 1, payloads: parts },
      ...deltas(2),
    ]);
    expect(frames.map(({ keyframe }) => keyframe).slice(0, 3)).toEqual([true, true, false]);
    expect(frames[1]?.data).toEqual(frames[0]?.data);
  });
});

describe('H.265', () => {
  const sets = [H265_VPS, H265_SPS, H265_PPS];
  const idr = Buffer.from([0x26, 0x01, 0xa0, 1, 2, 3]);
  const cra = Buffer.from([0x2a, 0x01, 0xa0, 1, 2, 3]);
  const second = Buffer.from([0x26, 0x01, 0x20, 4, 5, 6]);
  const slice = Buffer.from([0x02, 0x01, 0xd0, 1, 2, 3]);

  test('markers on sets and slices, stray units, sets with their own timestamp', () => {
    const delimiter = Buffer.from([0x46, 0x01, 0x50]);
    const endOfSequence = Buffer.from([0x48, 0x01]);
    const { frames, asked } = play(
      [
        { at: 0, payloads: [delimiter, ...sets], isMarked: always },
        { at: 1, payloads: [idr, second, endOfSequence], isMarked: always },
        ...deltas(2, [slice], always),
        { at: 12, payloads: [cra] },
        ...deltas(13, [slice]),
      ],
      {},
      'h265',
    );
    expect(units(frames[0] as ReceivedFrame)).toEqual([...sets, idr, second]);
    expect(units(frames[11] as ReceivedFrame)).toEqual([...sets, cra]);
    expect(frames.map(({ keyframe }) => keyframe).indexOf(true, 1)).toBe(11);
    expect([frames.length, asked]).toEqual([22, []]);
    expect(frames[0]?.size).toEqual(SIZE);
  });

  test('sets from the SDP', () => {
    const [vps, sps, pps] = sets.map(base64) as [string, string, string];
    const sprops = { 'sprop-vps': vps, 'sprop-sps': sps, 'sprop-pps': pps };
    const { frames } = play([{ at: 0, payloads: [idr] }, ...deltas(1, [slice])], sprops, 'h265');
    expect(frames).toHaveLength(11);
    expect(units(frames[0] as ReceivedFrame)).toEqual([...sets, idr]);
  });
});

function base64(unit: Buffer): string {
  return unit.toString('base64');
}
