import { beforeEach, expect, test } from 'vitest';
import type { VideoOutFrame, WatchedVideo } from '../../../src/link/link-messages.js';
import { ParticipantOutput } from '../../../src/rooms/participant-output.js';
import type { NegotiatedMedia, PayloadFormat } from '../../../src/rtp/negotiated-media.js';
import { NO_EXTENSIONS, parseRtp, type RtpPacket } from '../../../src/rtp/rtp-packet.js';
import type { PacketSink } from '../../../src/send/paced-sender.js';
import { audioFrame, MIX, videoFrame } from '../../support/fake-media-process.js';

const [AUDIO, VIDEO, RTX] = [1, 2, 3] as const;
const OWN_SOURCE = 7;

const format = (part: Partial<PayloadFormat> & Pick<PayloadFormat, 'codec'>): PayloadFormat => ({
  payloadType: 96,
  rtxPayloadType: 97,
  redPayloadType: undefined,
  nack: true,
  ...part,
});

const MIX_FORMAT = format({ codec: 'opus', payloadType: 111, rtxPayloadType: undefined });
const COMPOSITE_FORMAT = format({ codec: 'vp8' });
const media: NegotiatedMedia = {
  sections: [
    {
      mid: '0',
      use: 'mix-audio',
      formats: [MIX_FORMAT],
      mix: { kind: 'audio', format: MIX_FORMAT },
      ssrcs: new Map(),
      rids: [],
    },
    {
      mid: '1',
      use: 'mix-video',
      formats: [COMPOSITE_FORMAT],
      mix: { kind: 'video', format: COMPOSITE_FORMAT },
      ssrcs: new Map(),
      rids: [],
    },
  ],
  extensions: NO_EXTENSIONS,
};

class FakeSink implements PacketSink {
  packets: RtpPacket[] = [];

  sendRtp(packet: Buffer, length: number): boolean {
    const parsed = parseRtp(packet.subarray(0, length), NO_EXTENSIONS);
    if (parsed) this.packets.push(parsed);
    return true;
  }

  sendRtcp(): boolean {
    return true;
  }

  take(ssrc: number): RtpPacket[] {
    const taken = this.packets.filter((packet) => packet.ssrc === ssrc);
    this.packets = this.packets.filter((packet) => packet.ssrc !== ssrc);
    return taken;
  }
}

let now: number;
let sink: FakeSink;
let demandChanges: number;
let asked: (WatchedVideo & { urgent: boolean })[];
let renditions: (number | undefined)[];
let output: ParticipantOutput;

function open(negotiated = media): void {
  output = new ParticipantOutput(
    {
      name: 'participant a',
      ownSource: OWN_SOURCE,
      media: negotiated,
      streams: { cname: 'c', audioSsrc: AUDIO, videoSsrc: VIDEO, videoRtxSsrc: RTX },
      mix: MIX,
      sink,
    },
    {
      onDemandChanged: () => demandChanges++,
      requestKeyframe: (video, urgent) => asked.push({ ...video, urgent }),
      onRendition: (rendition) => renditions.push(rendition),
      onFault: () => {},
    },
  );
}

beforeEach(() => {
  now = 10_000_000;
  sink = new FakeSink();
  demandChanges = 0;
  asked = [];
  renditions = [];
  open();
});

/** Lets time pass, with a tick at its end. */
function pass(micros: number): void {
  now += micros;
  output.tick(now);
}

/** Gives it a frame and lets some time pass. @returns packets of the video that left. */
function video(part: Partial<VideoOutFrame>, passes = 33_000): RtpPacket[] {
  const frame = videoFrame({ ptsMicros: now, ...part });
  const payloads: Buffer[] = [];
  for (let at = 0; at < frame.data.length; at += 1160) {
    payloads.push(frame.data.subarray(at, at + 1160));
  }
  output.onVideo(frame, { payloads }, now);
  for (let at = 0; at < passes; at += 5000) pass(5000);
  return sink.take(VIDEO);
}

function audio(part: Parameters<typeof audioFrame>[0]): RtpPacket[] {
  output.onAudio(audioFrame({ ptsMicros: now, ...part }), now);
  return sink.take(AUDIO);
}

const encodes = () => output.demand.videos.map(({ rendition }) => rendition);

test('it demands the best rendition and its own mix, and nothing of sources', () => {
  expect(output.demand).toEqual({
    videos: [{ codec: 'vp8', rendition: 0 }],
    audio: true,
    mix: OWN_SOURCE,
    lowAudio: false,
    sources: false,
  });
});

test('a client that takes no video demands none', () => {
  open({ ...media, sections: media.sections.slice(0, 1) });
  expect(output.demand).toMatchObject({ videos: [], audio: true });
  expect(output.videoTimestampOf(0)).toBeUndefined();
});

test('video begins with a keyframe of the wanted rendition', () => {
  expect(video({})).toEqual([]);
  expect(video({ rendition: 1, keyframe: true })).toEqual([]);
  expect(renditions).toEqual([]);
  const [first] = video({ keyframe: true });
  expect(first?.payloadType).toBe(96);
  const [second] = video({});
  expect(second?.sequence).toBe(((first?.sequence ?? 0) + 1) & 0xffff);
  expect(renditions).toEqual([0]);
});

test('a smaller window is a step down at once, and waits for the keyframe', () => {
  video({ keyframe: true });
  output.limit({ maxWidth: 640, maxHeight: 360 }, now);
  expect(encodes()).toEqual([1]);
  expect(asked).toEqual([{ codec: 'vp8', rendition: 1, urgent: true }]);
  expect(video({ keyframe: true })).toEqual([]);
  expect(video({ rendition: 1 })).toEqual([]);
  expect(video({ rendition: 1, keyframe: true })).toHaveLength(1);
  expect(renditions).toEqual([0, 1]);
  expect(output.snapshot().rendition_switches).toBe(1);
});

test('a step up keeps the old rendition until the keyframe of the new one comes', () => {
  output.limit({ maxWidth: 640, maxHeight: 360 }, now);
  video({ rendition: 1, keyframe: true });
  asked = [];
  output.limit({}, now);
  expect(encodes()).toEqual([1, 0]);
  expect(asked).toEqual([{ codec: 'vp8', rendition: 0, urgent: false }]);
  expect(video({ rendition: 1 })).toHaveLength(1);
  expect(video({ rendition: 0 })).toEqual([]);
  expect(video({ rendition: 0, keyframe: true })).toHaveLength(1);
  expect(video({ rendition: 1, keyframe: true })).toEqual([]);
  expect(encodes()).toEqual([0]);
  expect(renditions).toEqual([1, 0]);
});

test('while the best rendition is not encoded, the next one is demanded', () => {
  output.limit({}, now, true);
  expect(encodes()).toEqual([1]);
  output.limit({}, now, false);
  expect(encodes()).toEqual([0]);
});

test('a path that takes less than is sent is a step down', () => {
  video({ keyframe: true });
  for (let i = 0; i < 60; i++) video({ data: Buffer.alloc(7500) });
  output.rtcp({ type: 'remb', bitrateBps: 700_000 }, now);
  for (let i = 0; i < 20 && encodes()[0] === 0; i++) video({ data: Buffer.alloc(7500) });
  expect(encodes()).toEqual([1]);
  expect(asked.at(-1)).toMatchObject({ rendition: 1 });
});

test('frames of the upper layer are left out on a step of half the frame rate', () => {
  output.limit({ maxBitrate: 1400 }, now);
  video({ keyframe: true });
  expect(video({ temporalLayer: 1 })).toEqual([]);
  expect(video({ temporalLayer: 0 })).toHaveLength(1);
  expect(output.snapshot().video_temporal_layer).toBe(0);
});

test('more than can leave is dropped, and video goes on with the keyframe that it asks for', () => {
  video({ keyframe: true });
  const large = { data: Buffer.alloc(1_500_000) };
  video(large, 0);
  video(large, 0);
  expect(output.snapshot()).toMatchObject({ video_frames_not_sent: 1, video_rendition: -1 });
  expect(output.queueMicros).toBe(0);
  expect(asked).toEqual([{ codec: 'vp8', rendition: 0, urgent: false }]);
  expect(video({})).toEqual([]);
  expect(video({ keyframe: true })).toHaveLength(1);
});

test('a keyframe is asked for by PLI and FIR on the video stream, once there is a picture', () => {
  output.rtcp({ type: 'pli', mediaSsrc: VIDEO }, now);
  expect(asked).toEqual([]);
  video({ keyframe: true });
  output.rtcp({ type: 'pli', mediaSsrc: AUDIO }, now);
  output.rtcp({ type: 'fir', mediaSsrcs: [99] }, now);
  expect(asked).toEqual([]);
  output.rtcp({ type: 'pli', mediaSsrc: VIDEO }, now);
  output.rtcp({ type: 'fir', mediaSsrcs: [99, VIDEO] }, now);
  const request = { codec: 'vp8', rendition: 0, urgent: false };
  expect(asked).toEqual([request, request]);
});

test('a lost packet is sent again on the stream of retransmissions', () => {
  const [packet] = video({ keyframe: true });
  output.rtcp({ type: 'nack', mediaSsrc: VIDEO, sequences: [packet?.sequence ?? 0] }, now);
  const [again] = sink.take(RTX);
  expect(again?.payloadType).toBe(97);
  expect(again?.payload.readUInt16BE(0)).toBe(packet?.sequence);
});

test('audio goes over to the low bitrate and back where both begin a packet', () => {
  output.limit({ rendition: 'audio' }, now);
  output.rtcp({ type: 'remb', bitrateBps: 60_000 }, now);
  pass(60_000);
  expect(output.demand).toMatchObject({ videos: [], lowAudio: true });
  expect(renditions).toEqual([undefined]);
  expect(audio({})).toHaveLength(1);
  expect(audio({ low: true })).toEqual([]);
  expect(audio({ lowBegins: true })).toEqual([]);
  expect(audio({ low: true })).toHaveLength(1);
  expect(audio({})).toEqual([]);
  expect(output.snapshot().audio_low_rate).toBe(1);
  // A path that takes far more than the step needs: the step was chosen.
  output.rtcp({ type: 'remb', bitrateBps: 600_000 }, now);
  const before = demandChanges;
  pass(60_000);
  expect(demandChanges).toBe(before + 1);
  expect(audio({})).toEqual([]);
  expect(audio({ low: true })).toHaveLength(1);
  expect(audio({ lowBegins: true })).toHaveLength(1);
  expect(audio({ low: true })).toEqual([]);
  expect(output.demand.lowAudio).toBe(false);
});
