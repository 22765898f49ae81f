import { beforeEach, describe, expect, test } from 'vitest';
import { opus } from '../../../src/codecs/opus.js';
import { packetizeVp8 } from '../../../src/codecs/vp8-packetizer.js';
import type { CodecName } from '../../../src/protocol/codec-names.js';
import { PeerReceiver, type ReceivedAudio } from '../../../src/receive/peer-receiver.js';
import type { ReceivedFrame } from '../../../src/receive/video-receiver.js';
import type { MediaSection, PayloadFormat } from '../../../src/rtp/negotiated-media.js';
import { parseRtcp, type RtcpPacket } from '../../../src/rtp/rtcp.js';
import { NO_EXTENSIONS } from '../../../src/rtp/rtp-packet.js';
import { packetizeRed } from '../../../src/send/red-packetizer.js';
import { fitsLimit, LARGEST_SIZE } from '../../../src/util/frame-size.js';

const MID = 1;
const RID = 2;
const REPAIRED_RID = 3;
const LEVEL = 4;
const TRANSPORT = 5;
const EXTENSIONS = {
  ...NO_EXTENSIONS,
  mid: MID,
  rid: RID,
  repairedRid: REPAIRED_RID,
  audioLevel: LEVEL,
  transportSequence: TRANSPORT,
};
const [OPUS, RED, VP8, RTX] = [111, 63, 96, 97];
const [OUR_SSRC, ROUND_TRIP, BACK_BPS] = [9, 20_000, 1_000_000];

function format(codec: CodecName, payloadType: number, rest: Partial<PayloadFormat> = {}) {
  const none = { rtxPayloadType: undefined, redPayloadType: undefined, nack: false };
  return { codec, payloadType, ...none, ...rest };
}

function section(
  mid: string,
  use: MediaSection['use'],
  formats: readonly PayloadFormat[],
  ssrcs: MediaSection['ssrcs'] = new Map(),
): MediaSection {
  return { mid, use, formats, ssrcs, rids: [] };
}

const AUDIO = [format('opus', OPUS, { redPayloadType: RED, nack: true })];
const VIDEO = [format('vp8', VP8, { rtxPayloadType: RTX })];
const CALL = [
  section('0', 'mic', AUDIO),
  section('1', 'camera', VIDEO),
  section('2', 'mix-audio', AUDIO),
  section('3', 'mix-video', VIDEO),
  section('4', 'screen', VIDEO),
  section('5', 'screen-audio', AUDIO),
];

interface Sent {
  readonly ssrc: number;
  readonly payloadType: number;
  readonly sequence?: number;
  readonly timestamp?: number;
  readonly marker?: boolean;
  readonly payload?: Buffer;
  readonly extensions?: readonly (readonly [id: number, value: Buffer])[];
}

const mid = (name: string) => [MID, Buffer.from(name)] as const;
const rid = (name: string) => [RID, Buffer.from(name)] as const;

/** An RTP packet with one-byte header extensions. */
function rtp(sent: Sent): Buffer {
  const { ssrc, payloadType, sequence = 0, timestamp = 0, marker = false } = sent;
  const elements = (sent.extensions ?? []).map(([id, value]) =>
    Buffer.concat([Buffer.from([(id << 4) | (value.length - 1)]), value]),
  );
  const body = Buffer.concat(elements);
  const padded = Buffer.concat([body, Buffer.alloc((4 - (body.length % 4)) % 4)]);
  const head = Buffer.alloc(16);
  head[0] = 0x90;
  head[1] = (marker ? 0x80 : 0) | payloadType;
  head.writeUInt16BE(sequence & 0xffff, 2);
  head.writeUInt32BE(timestamp, 4);
  head.writeUInt32BE(ssrc, 8);
  head.writeUInt16BE(0xbede, 12);
  head.writeUInt16BE(padded.length / 4, 14);
  return Buffer.concat([head, padded, sent.payload ?? Buffer.from('voice')]);
}

/** A VP8 keyframe of 320x180, or of the size given. */
function keyframe(width = 320, height = 180): Buffer {
  const frame = Buffer.alloc(40);
  frame.set([0x10, 0, 0, 0x9d, 0x01, 0x2a]);
  frame.writeUInt16LE(width, 6);
  frame.writeUInt16LE(height, 8);
  return frame;
}

const vp8Payload = (frame: Buffer) => packetizeVp8(frame, 1)[0] as Buffer;
const video = (ssrc: number, rest: Partial<Sent> = {}): Buffer =>
  rtp({ ssrc, payloadType: VP8, marker: true, payload: vp8Payload(keyframe()), ...rest });

let receiver: PeerReceiver;
let heard: [use: string, packet: ReceivedAudio][];
let seen: [use: string, frame: ReceivedFrame][];
let tooLarge: object[];
let rtcp: RtcpPacket[];

function join(sections: readonly MediaSection[] = CALL): void {
  heard = [];
  seen = [];
  tooLarge = [];
  rtcp = [];
  receiver = new PeerReceiver(OUR_SSRC, 'us', {
    onAudio: (packet, use) => heard.push([use, packet]),
    onVideo: (frame, _capture, use) => seen.push([use, frame]),
    accepts: (size) => fitsLimit(size, LARGEST_SIZE),
    onTooLarge: (size) => tooLarge.push(size),
    sendRtcp: (compound) => rtcp.push(...parseRtcp(compound)),
  });
  receiver.negotiated({ sections, extensions: EXTENSIONS });
}

const give = (packet: Buffer, now = 0) => receiver.rtp(packet, now);
const tick = (now: number) => receiver.tick(now, ROUND_TRIP, BACK_BPS);
const uses = (given: readonly (readonly [use: string, unknown])[]) => given.map(([use]) => use);

beforeEach(() => join());

describe('which stream a packet belongs to', () => {
  test('the mid that it carries, for every use', () => {
    give(rtp({ ssrc: 1, payloadType: OPUS, extensions: [mid('0')] }));
    give(video(2, { extensions: [mid('1')] }));
    give(video(3, { extensions: [mid('4')] }));
    give(rtp({ ssrc: 4, payloadType: OPUS, extensions: [mid('5')] }));
    expect(uses(heard)).toEqual(['mic', 'screen-audio']);
    expect(uses(seen)).toEqual(['camera', 'screen']);
  });

  test('an SSRC that is known, once the mid is left out', () => {
    give(rtp({ ssrc: 4, payloadType: OPUS, extensions: [mid('5')] }));
    give(rtp({ ssrc: 4, payloadType: OPUS, sequence: 1 }));
    expect(uses(heard)).toEqual(['screen-audio', 'screen-audio']);
  });

  test('an SSRC that the offer announced', () => {
    join([section('0', 'camera', VIDEO), section('1', 'screen', VIDEO, new Map([[77, 78]]))]);
    give(video(77));
    expect(uses(seen)).toEqual(['screen']);
  });

  test('else the first m-line that clients send on with this payload type', () => {
    give(rtp({ ssrc: 1, payloadType: OPUS }));
    give(video(2));
    expect([uses(heard), uses(seen)]).toEqual([['mic'], ['camera']]);
  });

  test('a new SSRC on an m-line replaces the one before', () => {
    give(video(2, { extensions: [mid('1')] }));
    give(video(20, { extensions: [mid('1')] }));
    tick(1_000_000);
    const reports = rtcp.filter(({ type }) => type === 'receiver-report');
    expect(reports).toMatchObject([{ blocks: [{ ssrc: 20 }] }]);
    expect(uses(seen)).toEqual(['camera', 'camera']);
  });
});

describe('what is not taken is counted', () => {
  test.each([
    ['a payload type that was not negotiated', rtp({ ssrc: 1, payloadType: 100 })],
    ['an m-line that we send on', video(1, { extensions: [mid('3')] })],
    [
      'audio on the m-line of a camera',
      rtp({ ssrc: 1, payloadType: OPUS, extensions: [mid('1')] }),
    ],
  ])('%s', (_, packet) => {
    give(packet);
    expect([heard, seen]).toEqual([[], []]);
    expect(receiver.snapshot().rtp_unknown_stream).toBe(1);
  });

  test.each([
    ['a codec that nobody knows, on a camera', 'camera', 'theora' as CodecName],
    ['an audio codec, on a camera', 'camera', 'opus'],
    ['a video codec, on a microphone', 'mic', 'vp8'],
  ] as const)('%s: it does not become audio', (_, use, codec) => {
    join([section('0', use, [format(codec, 120)])]);
    give(rtp({ ssrc: 1, payloadType: 120, marker: true, payload: vp8Payload(keyframe()) }));
    tick(1_000_000);
    expect([heard, seen, rtcp]).toEqual([[], [], []]);
    expect(receiver.snapshot().rtp_unknown_stream).toBe(1);
  });

  test('a packet that is no RTP', () => {
    give(Buffer.from('hello'));
    give(Buffer.alloc(0));
    expect(receiver.snapshot().rtp_malformed).toBe(2);
  });

  test('more streams than a client may have', () => {
    const layers = Array.from({ length: 17 }, (_, index) => `layer${index}`);
    layers.forEach((name, index) => {
      give(video(100 + index, { extensions: [mid('1'), rid(name)] }));
    });
    expect(receiver.snapshot()).toMatchObject({
      rtp_streams_refused: 1,
      video_packets_received: 16,
    });
  });

  test('more packets in a second than any client sends', () => {
    for (let i = 0; i < 3500; i++) give(video(2, { sequence: i }));
    expect(receiver.snapshot()).toMatchObject({
      rtp_rate_limited: 500,
      video_packets_received: 3000,
    });
    give(video(2, { sequence: 3500 }), 1_000_000);
    expect(receiver.snapshot().video_packets_received).toBe(3001);
  });

  test('more audio than packets of 2.5 ms: each use has a limit of its own', () => {
    for (let i = 0; i < 850; i++) {
      give(rtp({ ssrc: 1, payloadType: OPUS, sequence: i, extensions: [mid('0')] }));
    }
    give(rtp({ ssrc: 4, payloadType: OPUS, extensions: [mid('5')] }));
    expect(uses(heard).filter((use) => use === 'mic')).toHaveLength(800);
    expect(uses(heard)).toContain('screen-audio');
    expect(receiver.snapshot().rtp_rate_limited).toBe(50);
  });

  test('a picture that is too large', () => {
    give(video(2, { payload: vp8Payload(keyframe(4096, 2160)) }));
    expect([seen, tooLarge]).toEqual([[], [{ width: 4096, height: 2160 }]]);
    expect(receiver.snapshot().video_frames_too_large).toBe(1);
  });
});

describe('audio', () => {
  const voice = (fill: number) => Buffer.alloc(20, fill);

  test('redundancy is taken apart, oldest first, with times of its own', () => {
    const red = packetizeRed(
      { timestamp: 2880, payload: voice(3) },
      [
        { timestamp: 960, payload: voice(1) },
        { timestamp: 1920, payload: voice(2) },
      ],
      OPUS,
    );
    give(rtp({ ssrc: 1, payloadType: RED, timestamp: 2880, sequence: 7, payload: red }), 500);
    expect(heard.map(([, packet]) => packet)).toMatchObject([
      { timestamp: 960, isRepeat: true, payload: voice(1) },
      { timestamp: 1920, isRepeat: true, payload: voice(2) },
      { timestamp: 2880, isRepeat: false, payload: voice(3), sequence: 7, arrivalMicros: 500 },
    ]);
  });

  test('blocks of another codec are left out, malformed redundancy is counted', () => {
    const other = packetizeRed({ timestamp: 960, payload: voice(1) }, [], OPUS + 1);
    give(rtp({ ssrc: 1, payloadType: RED, payload: other }));
    give(rtp({ ssrc: 1, payloadType: RED, sequence: 1, payload: Buffer.from([0xff]) }));
    expect(heard).toEqual([]);
    expect(receiver.snapshot().rtp_malformed).toBe(1);
  });

  test('the level of 127 is silence, of the newest block alone', () => {
    const silent = [LEVEL, Buffer.from([127])] as const;
    const red = packetizeRed(
      { timestamp: 1920, payload: voice(2) },
      [{ timestamp: 960, payload: voice(1) }],
      OPUS,
    );
    const extensions = [silent];
    give(rtp({ ssrc: 1, payloadType: RED, timestamp: 1920, payload: red, extensions }));
    give(
      rtp({ ssrc: 1, payloadType: OPUS, sequence: 1, extensions: [[LEVEL, Buffer.from([30])]] }),
    );
    expect(heard.map(([, { isSilent }]) => isSilent)).toEqual([false, true, false]);
  });

  test('what is missing is asked for at once, and is a repeat when it comes', () => {
    for (const sequence of [10, 12]) give(rtp({ ssrc: 1, payloadType: OPUS, sequence }));
    expect(rtcp).toMatchObject([
      { type: 'receiver-report' },
      { type: 'nack', mediaSsrc: 1, sequences: [11] },
    ]);
    give(rtp({ ssrc: 1, payloadType: OPUS, sequence: 11 }));
    expect(heard.map(([, { isRepeat }]) => isRepeat)).toEqual([false, false, true]);
    expect(receiver.snapshot().nacks_sent).toBe(1);
  });

  test('nothing is asked for where NACK was not negotiated', () => {
    join([section('0', 'mic', [format('opus', OPUS)])]);
    for (const sequence of [10, 12]) give(rtp({ ssrc: 1, payloadType: OPUS, sequence }));
    tick(50_000);
    expect(rtcp).toEqual([]);
    expect(heard).toHaveLength(2);
  });

  test('sender reports give capture times on the clock of the codec', () => {
    const ntp = { seconds: 1000, fraction: 0 };
    give(rtp({ ssrc: 1, payloadType: OPUS, timestamp: 0 }));
    receiver.rtcp({ type: 'sender-report', ssrc: 1, ntp, rtpTimestamp: 0, blocks: [] }, 0);
    give(rtp({ ssrc: 1, payloadType: OPUS, sequence: 1, timestamp: opus.clockRate / 2 }));
    const [before, after] = heard.map(([, { captureMicros }]) => captureMicros);
    expect([before, after]).toEqual([Number.NaN, 1_000_500_000]);
  });
});

describe('video', () => {
  const repair = (sequence: number, payload: Buffer) => {
    const original = Buffer.alloc(2);
    original.writeUInt16BE(sequence, 0);
    return Buffer.concat([original, payload]);
  };
  const delta = vp8Payload(Buffer.from([0x11, 0, 0, 1, 2, 3]));

  test('a lost packet is asked for, and its RTX fills the gap', () => {
    give(video(2, { sequence: 0, extensions: [mid('1')] }));
    give(video(2, { sequence: 2, timestamp: 6000, payload: delta }));
    expect(rtcp).toMatchObject([{}, { type: 'nack', mediaSsrc: 2, sequences: [1] }]);
    expect(seen).toHaveLength(1);
    give(
      rtp({
        ssrc: 3,
        payloadType: RTX,
        sequence: 500,
        timestamp: 3000,
        marker: true,
        extensions: [mid('1')],
        payload: repair(1, delta),
      }),
    );
    expect(seen.map(([, { timestamp }]) => timestamp)).toEqual([0, 3000, 6000]);
    expect(receiver.snapshot()).toMatchObject({ rtp_repairs_received: 1, nacks_sent: 1 });
  });

  test('RTX of an announced SSRC goes to its stream, though another has the same payload type', () => {
    join([section('0', 'camera', VIDEO), section('1', 'screen', VIDEO, new Map([[77, 78]]))]);
    give(video(5, { extensions: [mid('0')] }));
    give(video(77, { sequence: 0 }));
    give(
      rtp({
        ssrc: 78,
        payloadType: RTX,
        timestamp: 3000,
        marker: true,
        payload: repair(1, delta),
      }),
    );
    expect(uses(seen)).toEqual(['camera', 'screen', 'screen']);
  });

  test('RTX with a repaired rid goes to that layer', () => {
    give(video(10, { extensions: [mid('1'), rid('low')] }));
    give(video(11, { extensions: [mid('1'), rid('high')] }));
    give(
      rtp({
        ssrc: 12,
        payloadType: RTX,
        timestamp: 3000,
        marker: true,
        extensions: [mid('1'), [REPAIRED_RID, Buffer.from('low')]],
        payload: repair(1, delta),
      }),
    );
    expect(seen.map(([, { timestamp }]) => timestamp)).toEqual([0, 3000]);
  });

  test('RTX of no stream, and RTX that is empty, are dropped', () => {
    give(rtp({ ssrc: 12, payloadType: RTX, payload: repair(1, delta) }));
    give(video(2));
    give(rtp({ ssrc: 12, payloadType: RTX, payload: Buffer.alloc(1) }));
    expect(receiver.snapshot().rtp_repairs_received).toBe(0);
    expect(seen).toHaveLength(1);
  });

  test('a stream that does not begin with a keyframe asks for one, each 500 ms', () => {
    give(video(2, { payload: delta }));
    for (let now = 0; now < 1_000_000; now += 20_000) tick(now);
    const plis = rtcp.filter(({ type }) => type === 'pli');
    expect(plis).toEqual([
      { type: 'pli', mediaSsrc: 2 },
      { type: 'pli', mediaSsrc: 2 },
    ]);
    expect(receiver.snapshot().video_keyframe_requests).toBe(2);
  });

  test('keyframe requests go to the camera or to the screen', () => {
    give(video(2, { extensions: [mid('1')] }));
    give(video(3, { extensions: [mid('4')] }));
    receiver.requestKeyframe('screen', 600_000);
    receiver.requestKeyframe('camera', 600_000);
    expect(rtcp.filter(({ type }) => type === 'pli')).toMatchObject([
      { mediaSsrc: 3 },
      { mediaSsrc: 2 },
    ]);
  });

  test('one layer of a camera is given: the smallest that covers its tile', () => {
    const both = (frame: number) => {
      const at = { sequence: frame, timestamp: frame * 3000 };
      const low = vp8Payload(keyframe(320, 180));
      const high = vp8Payload(keyframe(1280, 720));
      const now = frame * 100_000;
      give(video(10, { ...at, payload: low, extensions: [mid('1'), rid('low')] }), now);
      give(video(11, { ...at, payload: high, extensions: [mid('1'), rid('high')] }), now);
      tick(now);
    };
    receiver.showCameraAt({ width: 320, height: 180 }, 0);
    for (let frame = 0; frame < 12; frame++) both(frame);
    expect(new Set(seen.map(([, { size }]) => size?.height))).toEqual(new Set([180]));
    expect(receiver.snapshot()).toMatchObject({ video_height: 180, video_layer_switches: 0 });
    receiver.showCameraAt({ width: 1280, height: 720 }, 1_150_000);
    seen = [];
    for (let frame = 12; frame < 15; frame++) both(frame);
    expect(seen.map(([, { size }]) => size?.height)).toEqual([180, 720, 720, 720]);
    expect(receiver.snapshot()).toMatchObject({ video_height: 720, video_layer_switches: 1 });
  });

  test('counts of a stream that was replaced stay', () => {
    give(video(2, { extensions: [mid('1')] }));
    give(video(20, { extensions: [mid('1')] }));
    expect(receiver.snapshot()).toMatchObject({
      video_packets_received: 2,
      video_frames_received: 2,
    });
  });
});

describe('feedback', () => {
  test('reports name every stream and what it lost', () => {
    for (const sequence of [0, 1, 3]) give(rtp({ ssrc: 1, payloadType: OPUS, sequence }));
    give(video(2));
    rtcp = [];
    tick(1_000_000);
    const report = rtcp.find((one) => one.type === 'receiver-report' && one.blocks.length > 0);
    expect(report).toMatchObject({
      ssrc: OUR_SSRC,
      blocks: [
        { ssrc: 1, fractionLost: 64, cumulativeLost: 1, highestSequence: 3 },
        { ssrc: 2, fractionLost: 0, cumulativeLost: 0 },
      ],
    });
  });

  test('transport-wide feedback each 100 ms, less often on a slow path back', () => {
    const run = (backBps: number) => {
      join();
      for (let now = 0; now < 1_000_000; now += 10_000) {
        const transport = Buffer.alloc(2);
        transport.writeUInt16BE(now / 10_000, 0);
        const at = { sequence: now / 10_000, timestamp: (now * 9) / 100 };
        give(video(2, { ...at, extensions: [[TRANSPORT, transport]] }), now);
        receiver.tick(now, ROUND_TRIP, backBps);
      }
      return rtcp.filter(({ type }) => type === 'transport-feedback').length;
    };
    expect(run(1_000_000)).toBe(9);
    expect(run(30_000)).toBe(3);
  });
});

describe('layers that are announced by SSRC alone (a=ssrc-group:SIM)', () => {
  const LAYERS = [10, 11, 12] as const;
  const delta = vp8Payload(Buffer.from([0x11, 0, 0, 1, 2, 3]));
  const layered = () =>
    join([{ ...section('1', 'camera', VIDEO), simulcastSsrcs: new Set(LAYERS) }]);
  const send = (ssrc: number, frame: number, isKeyframe: boolean, now: number) => {
    const [width, height] = [320, 180].map((side) => side * 2 ** (ssrc - 10)) as [number, number];
    const payload = isKeyframe ? vp8Payload(keyframe(width, height)) : delta;
    give(video(ssrc, { sequence: frame, timestamp: frame * 3000, payload }), now);
  };

  test('they are beside each other, and one goes on', () => {
    layered();
    for (let frame = 0; frame < 30; frame++) {
      for (const ssrc of LAYERS) send(ssrc, frame, frame === 0, frame * 33_333);
      tick(frame * 33_333);
    }
    expect(seen).toHaveLength(30);
    expect(receiver.snapshot().rtp_streams_refused).toBe(0);
    tick(1_000_000);
    const reports = rtcp.flatMap((one) => (one.type === 'receiver-report' ? one.blocks : []));
    expect(new Set(reports.map(({ ssrc }) => ssrc))).toEqual(new Set(LAYERS));
  });

  test('one that keeps failing is left for one that works', () => {
    layered();
    receiver.showCameraAt({ width: 320, height: 180 }, 0);
    let asked = rtcp.length;
    let wanted = new Set<number>();
    for (let frame = 0; frame < 300; frame++) {
      const now = frame * 33_333;
      for (const ssrc of LAYERS) {
        // The smallest layer loses packets, repairs none and answers no request.
        if (ssrc === 10 && frame % 60 === 59) continue;
        send(ssrc, frame, frame === 0 || (ssrc !== 10 && wanted.has(ssrc)), now);
      }
      tick(now);
      wanted = new Set(
        rtcp.slice(asked).flatMap((one) => (one.type === 'pli' ? [one.mediaSsrc] : [])),
      );
      asked = rtcp.length;
    }
    expect(receiver.snapshot().video_height).toBe(360);
    expect(seen.length).toBeGreaterThan(230);
  });
});

test('a camera whose keyframes do not come is said to be stalled, and no longer once they do', () => {
  const stalls: [string, boolean, number][] = [];
  let now = 0;
  const own = new PeerReceiver(OUR_SSRC, 'us', {
    onAudio: () => {},
    onVideo: () => {},
    accepts: (size) => fitsLimit(size, LARGEST_SIZE),
    onTooLarge: () => {},
    onStalled: (use, isStalled) => stalls.push([use, isStalled, now]),
    sendRtcp: () => {},
  });
  own.negotiated({ sections: CALL, extensions: EXTENSIONS });
  const delta = vp8Payload(Buffer.from([0x11, 0, 0, 1, 2, 3]));
  for (let frame = 0; frame < 120; frame++, now += 33_333) {
    const payload = frame === 90 ? vp8Payload(keyframe()) : delta;
    own.rtp(video(2, { sequence: frame, timestamp: frame * 3000, payload }), now);
    own.tick(now, ROUND_TRIP, BACK_BPS);
  }
  expect(stalls.map(([use, isStalled]) => [use, isStalled])).toEqual([
    ['camera', true],
    ['camera', false],
  ]);
  expect(stalls[0]?.[2]).toBeLessThan(1_100_000);
});
