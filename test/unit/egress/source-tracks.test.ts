/** Own tracks of senders in each codec: files that an independent FFmpeg reads without a complaint. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { SourceTracks } from '../../../src/egress/source-tracks.js';
import type { TrackFile } from '../../../src/link/egress-messages.js';
import type { AudioInFrame, VideoInFrame } from '../../../src/link/link-messages.js';
import {
  TELEPHONY_CODECS,
  UPLINK_VIDEO_CODECS,
  type VideoCodec,
} from '../../../src/protocol/codec-names.js';
import { type ReceivedFrame, VideoReceiver } from '../../../src/receive/video-receiver.js';
import { BT601 } from '../../../src/rtp/colour-space.js';
import { encodeStream } from '../../support/encoder.js';
import { REAL_TIME } from '../../support/real-time-encoders.js';
import { decodeFaults, probe } from '../../support/recorded.js';
import { asRtp, SentVideo } from '../../support/sent-video.js';
import { telephonyTone } from '../../support/telephony.js';

const folder = mkdtempSync(join(tmpdir(), 'tessera-tracks-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const SIZE = { width: 320, height: 192 };
const START = 10_000_000;
const FORMATS: Record<VideoCodec, [extension: string, name: string]> = {
  vp8: ['webm', 'vp8'],
  vp9: ['webm', 'vp9'],
  av1: ['webm', 'av1'],
  h264: ['mp4', 'h264'],
  h265: ['mp4', 'hevc'],
};

function tracks(name: string) {
  const files: TrackFile[] = [];
  const faults: unknown[] = [];
  const lost: string[] = [];
  const own = new SourceTracks(1, name, folder, {
    positionOf: (clock) => clock - START,
    onTrack: (file) => files.push(file),
    onKeyframeNeeded: () => {},
    onSynced: () => {},
    onFault: (fault) => faults.push(fault),
    onFileLost: (_, message) => lost.push(message),
  });
  return { own, files, faults, lost };
}

function received(codec: VideoCodec): ReceivedFrame[] {
  const frames = encodeStream({
    ...REAL_TIME[codec],
    ...{ ...SIZE, count: 30, gop: 10 },
    draw: (planes, _strides, n) => {
      for (const plane of planes) plane.fill(60 + 3 * n);
    },
  });
  const all: ReceivedFrame[] = [];
  const receiver = new VideoReceiver({
    onFrame: (frame) => all.push(frame),
    requestKeyframe: () => {},
    accepts: () => true,
    onTooLarge: () => {},
    onSize: () => {},
  });
  const sender = new SentVideo(codec);
  let now = START;
  for (const { data, keyframe } of frames) {
    for (const packet of sender.frame(data, keyframe)) receiver.receive(asRtp(packet), codec, now);
    now += 33_333;
    receiver.tick(now);
  }
  receiver.tick(now + 100_000);
  return all;
}

test.each(UPLINK_VIDEO_CODECS)('video in %s', async (codec) => {
  const { own, files, faults } = tracks(codec);
  for (const [n, { data, keyframe }] of received(codec).entries()) {
    const arrivalMicros = START + n * 33_333;
    const times = { arrivalMicros, captureMicros: Number.NaN };
    const look = { colourSpace: BT601, rotation: 0 } as const;
    const frame: VideoInFrame = {
      kind: 'video-in',
      source: 1,
      ...{ codec, keyframe, data },
      ...look,
      ...times,
    };
    own.video(frame);
  }
  await own.close();
  const [extension, name] = FORMATS[codec];
  expect([faults, files]).toMatchObject([[], [{ kind: 'video', file: `${codec}-1.${extension}` }]]);
  const path = join(folder, `${codec}-1.${extension}.part`);
  expect(await decodeFaults(path)).toBe('');
  expect((await probe(path)).streams).toMatchObject([{ codec_name: name, ...SIZE }]);
});

test.each(TELEPHONY_CODECS)('sound in %s becomes Opus, in step with the clock', async (codec) => {
  const { own, files, faults } = tracks(codec);
  const packets = telephonyTone(codec, { hertz: 500, amplitude: 0.3 }, 60, 30);
  for (const [n, data] of packets.entries()) {
    const arrivalMicros = START + n * 30_000;
    const frame: AudioInFrame = {
      ...{ kind: 'audio-in', source: 1, codec, sequence: n, timestamp: n * 1440, data },
      ...{ isRepeat: false, isSilent: false, arrivalMicros, captureMicros: Number.NaN },
    };
    own.audio(frame);
  }
  await own.close();
  expect([faults, files]).toMatchObject([[], [{ kind: 'audio', file: `${codec}-1.ogg` }]]);
  const path = join(folder, `${codec}-1.ogg.part`);
  expect(await decodeFaults(path)).toBe('');
  const { duration, streams } = await probe(path);
  expect(streams).toMatchObject([{ codec_name: 'opus' }]);
  expect(Math.abs(duration - 1.8)).toBeLessThan(0.1);
});

/** A keyframe with a sequence parameter set that the header of an MP4 file cannot be made of. */
const BROKEN_KEYFRAME = Buffer.from(
  '000000016742c00dda000069a8303032000003000200000300791e2855400000000168ce3c80' +
    '000000016588840fa26280009d2c9c9c9c9c9c9c9c9c',
  'hex',
);

test('media that no muxer takes costs the participant a file, and the recording nothing', async () => {
  const { own, files, faults, lost } = tracks('broken');
  const whole = received('h264').filter(({ keyframe }) => keyframe);
  const frame = (data: Buffer, index: number): VideoInFrame => ({
    ...{ kind: 'video-in', source: 1, codec: 'h264', keyframe: true, rotation: 0, data },
    ...{ colourSpace: BT601, captureMicros: START + index * 33_333 },
    arrivalMicros: START + index * 33_333,
  });
  const { data } = whole[0] as ReceivedFrame;
  own.video(frame(BROKEN_KEYFRAME, 0));
  await expect.poll(() => lost.length).toBe(1);
  own.video(frame(data, 1));
  await own.close();
  expect(faults).toEqual([]);
  expect(files).toHaveLength(2);
  expect((await probe(join(folder, `${files[1]?.file}.part`))).streams[0]?.codec_name).toBe('h264');
});
