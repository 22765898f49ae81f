/** Streams of real encoders, from packets to pictures, in each codec that clients send. */
import { expect, test } from 'vitest';
import { VideoDecoder } from '../../../src/codecs/ffmpeg/video-decoder.js';
import { UPLINK_VIDEO_CODECS } from '../../../src/protocol/codec-names.js';
import { type ReceivedFrame, VideoReceiver } from '../../../src/receive/video-receiver.js';
import { type EncodedStream, encodeStream } from '../../support/encoder.js';
import { REAL_TIME } from '../../support/real-time-encoders.js';
import { asRtp, SentVideo } from '../../support/sent-video.js';

const SIZE = { width: 320, height: 192 };
const COUNT = 24;
const GOP = 8;
const grey = (n: number) => 40 + 6 * n;

/** Greys that say which picture it is, with noise so that frames have several packets. */
const draw: EncodedStream['draw'] = (planes, strides, n) => {
  planes.forEach((plane, index) => {
    plane.fill(index === 0 ? grey(n) : 128);
  });
  const [luma] = planes as [Buffer];
  for (let y = 96; y < SIZE.height; y++) {
    for (let x = 0; x < SIZE.width; x++) {
      luma[y * (strides[0] as number) + x] = 40 + ((x * 7919 + y * 104_729 + n * 1299) % 150);
    }
  }
};

test.each(UPLINK_VIDEO_CODECS)('%s', async (codec) => {
  const frames = encodeStream({ ...REAL_TIME[codec], ...SIZE, count: COUNT, gop: GOP, draw });
  const received: ReceivedFrame[] = [];
  const receiver = new VideoReceiver({
    onFrame: (frame) => received.push(frame),
    requestKeyframe: () => {},
    accepts: () => true,
    onTooLarge: () => {},
    onSize: (size) => expect(size).toEqual(SIZE),
  });
  const sender = new SentVideo(codec);
  let [now, packets] = [1_000_000, 0];
  for (const { data, keyframe } of frames) {
    for (const packet of sender.frame(data, keyframe)) {
      receiver.receive(asRtp(packet), codec, now);
      packets++;
    }
    now += 33_333;
    receiver.tick(now);
  }
  receiver.tick(now + 100_000);
  expect(packets).toBeGreaterThan(2 * COUNT);
  expect(received.map(({ keyframe }) => keyframe)).toEqual(frames.map(({ keyframe }) => keyframe));
  expect(received.filter(({ keyframe }) => keyframe).length).toBe(COUNT / GOP);
  for (const { keyframe, size } of received) expect(size).toEqual(keyframe ? SIZE : undefined);
  // Decoding begins at any keyframe.
  for (const from of [0, GOP, 2 * GOP]) {
    using decoder = await VideoDecoder.open(codec);
    for (const [index, { data }] of received.slice(from).entries()) {
      const picture = await decoder.decode(data);
      if (!picture || picture === 'corrupt') throw new Error(`frame ${from + index}: ${picture}`);
      const luma = picture.planes[0]?.[picture.strides[0] as number] as number;
      expect(Math.abs(luma - grey(from + index))).toBeLessThan(6);
      picture[Symbol.dispose]();
    }
  }
});
