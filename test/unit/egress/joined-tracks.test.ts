import { expect, test } from 'vitest';
import type { MuxedPacket, MuxedTrack } from '../../../src/codecs/ffmpeg/muxer.js';
import { SILENT_PACKET } from '../../../src/egress/audio-grid.js';
import { opusTrack, paddingMicros } from '../../../src/egress/containers.js';
import { JoinedTracks } from '../../../src/egress/joined-tracks.js';
import { KeyframePicker } from '../../../src/egress/keyframe-picker.js';

const AUDIO = opusTrack(2);
const TRACKS: MuxedTrack[] = [{ kind: 'video', codec: 'h264', width: 64, height: 48 }, AUDIO];
const PADDING = paddingMicros(AUDIO);
const data = Buffer.from([1]);

function joined(runMicros = 0) {
  const written: MuxedPacket[] = [];
  const picker = new KeyframePicker();
  const write = async (packet: MuxedPacket) => {
    written.push(packet);
  };
  return { tracks: new JoinedTracks({ write }, TRACKS, picker, runMicros), written, picker };
}

const video = (ptsMicros: number, keyframe = false) => ({
  track: 0,
  ptsMicros,
  durationMicros: 0,
  keyframe,
  data,
});
const audio = (ptsMicros: number) => ({
  track: 1,
  ptsMicros: ptsMicros - PADDING,
  durationMicros: 20_000,
  keyframe: true,
  data,
});

test('a video frame lasts until the next one, the last until the end', async () => {
  const { tracks, written } = joined();
  tracks.startSegment(0);
  await tracks.add(video(0, true));
  await tracks.add(video(40_000));
  for (let at = 0; at < 100_000; at += 20_000) await tracks.add(audio(at));
  expect(await tracks.end()).toBe(100_000);
  const frames = written.filter(({ track }) => track === 0);
  expect(frames.map(({ ptsMicros, durationMicros }) => [ptsMicros, durationMicros])).toEqual([
    [0, 40_000],
    [40_000, 60_000],
  ]);
});

test('the gap between two segments is filled with silence', async () => {
  const { tracks, written } = joined();
  tracks.startSegment(0);
  await tracks.add(audio(0));
  tracks.startSegment(100_000);
  await tracks.add(audio(0));
  await tracks.end();
  expect(written.map(({ ptsMicros }) => Math.round(ptsMicros + PADDING))).toEqual([
    0, 20_000, 40_000, 60_000, 80_000, 100_000,
  ]);
  expect(written.filter((packet) => packet.data === SILENT_PACKET)).toHaveLength(4);
});

test('video that overlaps the segment before is left out', async () => {
  const { tracks, written, picker } = joined();
  tracks.startSegment(0);
  await tracks.add(video(0, true));
  await tracks.add(video(80_000));
  tracks.startSegment(60_000);
  await tracks.add(video(0, true));
  await tracks.add(video(40_000));
  await tracks.end();
  expect(written.map(({ ptsMicros }) => ptsMicros)).toEqual([0, 80_000, 100_000]);
  expect(picker.picked).toHaveLength(1);
});

test('packets of one track are written in runs', async () => {
  const { tracks, written } = joined(500_000);
  tracks.startSegment(0);
  for (let at = 0; at < 500_000; at += 20_000) {
    await tracks.add(video(at, at === 0));
    await tracks.add(audio(at));
  }
  expect(written).toHaveLength(0);
  await tracks.end();
  expect(written.findIndex(({ track }) => track === 1)).toBe(25);
});

test('without packets there is no duration', async () => {
  expect(await joined().tracks.end()).toBeUndefined();
});
