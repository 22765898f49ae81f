import { pino } from 'pino';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import type {
  AudioInFrame,
  AudioOutFrame,
  SourceState,
  VideoInFrame,
  VideoOutFrame,
} from '../../../src/link/link-messages.js';
import {
  type FramePackets,
  FULL_MIX,
  type MediaOutput,
  type OutputDemand,
} from '../../../src/rooms/media-output.js';
import type { MediaSource, ShownSize } from '../../../src/rooms/media-source.js';
import { RoomPipeline } from '../../../src/rooms/room-pipeline.js';
import { nowMicros } from '../../../src/util/clock.js';
import { audioFrame, FakeMediaPool, MIX, videoFrame } from '../../support/fake-media-process.js';

const NOTHING: OutputDemand = {
  videos: [],
  audio: false,
  mix: FULL_MIX,
  lowAudio: false,
  sources: false,
};

class FakeOutput implements MediaOutput {
  readonly video: VideoOutFrame[] = [];
  readonly payloads: (readonly Buffer[])[] = [];
  readonly audio: AudioOutFrame[] = [];
  readonly fromSources: (VideoInFrame | AudioInFrame)[] = [];
  readonly faults: unknown[] = [];
  demand: OutputDemand;
  breaks = false;
  readsPackets = true;

  constructor(
    readonly name: string,
    demand: Partial<OutputDemand>,
  ) {
    this.demand = { ...NOTHING, ...demand };
  }

  onVideo(frame: VideoOutFrame, packets: FramePackets): void {
    if (this.breaks) throw new Error('broken');
    this.video.push(frame);
    if (this.readsPackets) this.payloads.push(packets.payloads);
  }

  onAudio(frame: AudioOutFrame): void {
    if (this.breaks) throw new Error('broken');
    this.audio.push(frame);
  }

  onSource(frame: VideoInFrame | AudioInFrame): void {
    this.fromSources.push(frame);
  }

  onFault(error: unknown): void {
    this.faults.push(error);
  }
}

class FakeSource implements MediaSource {
  keyframesAsked = 0;
  shown: (ShownSize | undefined)[] = [];

  constructor(
    readonly id: number,
    private readonly visible = true,
  ) {}

  get state(): SourceState {
    const { id, visible } = this;
    return {
      id,
      owner: id,
      kind: 'camera',
      identity: `${id}`,
      name: `${id}`,
      visible,
      videoOn: true,
      audioOn: true,
      trouble: false,
      gain: 1,
    };
  }

  requestKeyframe(): void {
    this.keyframesAsked++;
  }

  shownAt(size: ShownSize | undefined): void {
    this.shown.push(size);
  }
}

let pool: FakeMediaPool;
let pipeline: RoomPipeline;
let events: string[];

beforeEach(async () => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'Date'] });
  pool = new FakeMediaPool();
  events = [];
  pipeline = new RoomPipeline(MIX, pool, pino({ level: 'silent' }), {
    onSpeaking: (sources) => events.push(`speaking ${sources}`),
    onDominant: (source) => events.push(`dominant ${source}`),
    onLayout: (tiles) => events.push(`layout ${tiles.length}`),
    onCorrupt: (source) => events.push(`corrupt ${source}`),
    onFault: ({ source, stage }) => events.push(`fault ${source} ${stage}`),
    onRecovered: (source) => events.push(`recovered ${source}`),
    onOverBudget: (sources) => events.push(`over budget ${sources}`),
    onQuarantined: (sources) => events.push(`quarantined ${[...sources]}`),
    onHeld: (source) => events.push(`held ${source}`),
    onRestarted: () => {},
    onLoad: (steps) => events.push(`load ${steps}`),
  });
  await pipeline.start();
});

afterEach(async () => {
  await pipeline.close();
  vi.useRealTimers();
});

const output = (name: string, demand: Partial<OutputDemand>) => {
  const made = new FakeOutput(name, demand);
  pipeline.addOutput(made);
  return made;
};

const best = { codec: 'vp8', rendition: 0 } as const;
const small = { codec: 'vp8', rendition: 1 } as const;

const audioIn = (source: number, arrivalMicros: number): AudioInFrame => ({
  ...{ kind: 'audio-in', source, sequence: 1, timestamp: 960, isRepeat: false, isSilent: false },
  ...{ captureMicros: Number.NaN, arrivalMicros, data: Buffer.alloc(20) },
});

const videoIn = (source: number): VideoInFrame => ({
  kind: 'video-in',
  source,
  codec: 'vp8',
  keyframe: true,
  colourSpace: { matrix: 'bt601', fullRange: false },
  rotation: 0,
  arrivalMicros: 0,
  captureMicros: 0,
  data: Buffer.alloc(10),
});

test('each demanded encode is watched once, and the set is sent again only when it changes', () => {
  output('a', { videos: [best], audio: true });
  output('b', { videos: [best], audio: true });
  const c = output('c', { videos: [best, small] });
  expect(pool.process.sent('watch')).toEqual([
    { type: 'watch', videos: [], audio: false, lowAudio: [] },
    { type: 'watch', videos: [best], audio: true, lowAudio: [] },
    { type: 'watch', videos: [best, small], audio: true, lowAudio: [] },
  ]);
  c.demand = { ...c.demand, videos: [best] };
  pipeline.demandChanged(c);
  pipeline.removeOutput(c);
  expect(pool.process.sent('watch')).toHaveLength(4);
});

test('video goes to the outputs that demand its encode, packetized once for all of them', () => {
  const [a, b, c] = [
    output('a', { videos: [best] }),
    output('b', { videos: [best, small] }),
    output('c', { videos: [small] }),
  ];
  const frame = videoFrame({ keyframe: true, data: Buffer.alloc(3000, 7) });
  pool.process.gives(frame);
  expect(a.video).toEqual([frame]);
  expect(b.video).toEqual([frame]);
  expect(c.video).toEqual([]);
  expect(a.payloads[0]).toHaveLength(3);
  expect(b.payloads[0]).toBe(a.payloads[0]);
  expect(pipeline.stages.histograms.send?.counts.reduce((sum, n) => sum + n, 0)).toBe(1);
});

test('a frame that no output reads the packets of is not packetized', () => {
  const recording = output('recording', { videos: [best] });
  recording.readsPackets = false;
  for (let i = 0; i < 3; i++) pool.process.gives(videoFrame());
  expect(recording.video).toHaveLength(3);
  expect(pipeline.stages.histograms.send).toBeUndefined();
  // The picture id begins with the first frame that is packetized: RFC 7741, 4.2.
  const viewer = output('viewer', { videos: [best] });
  pool.process.gives(videoFrame({ keyframe: true }));
  pool.process.gives(videoFrame());
  const ids = viewer.payloads.map(([first]) => (first as Buffer).readUInt16BE(2) & 0x7fff);
  expect(ids).toEqual([1, 2]);
});

test('an output hears the mix without its own source, or the full mix', () => {
  const [ada, listener] = [
    output('ada', { audio: true, mix: 7 }),
    output('listener', { audio: true, mix: 8 }),
  ];
  const silent = output('silent', { videos: [best] });
  const [own, full] = [audioFrame({ source: 7, last: false }), audioFrame()];
  pool.process.gives(own);
  expect(ada.audio).toEqual([]);
  pool.process.gives(full);
  expect(ada.audio).toEqual([own]);
  expect(listener.audio).toEqual([full]);
  expect(silent.audio).toEqual([]);
  // A tick without a mix of their own: they had no part in it.
  const next = audioFrame({ ptsMicros: 20_000 });
  pool.process.gives(next);
  expect(ada.audio).toEqual([own, next]);
});

test('the low bitrate is mixed for the source that is in the mix, else of everybody', () => {
  pipeline.setSources([new FakeSource(7), new FakeSource(8, false)]);
  const ada = output('ada', { audio: true, mix: 7, lowAudio: true });
  const viewer = output('viewer', { audio: true, mix: 8, lowAudio: true });
  const other = output('other', { audio: true });
  expect(pool.process.sent('watch').at(-1)?.lowAudio).toEqual([7, FULL_MIX]);
  const frames = [
    audioFrame({ last: false, lowBegins: true }),
    audioFrame({ low: true, source: 7, last: false }),
    audioFrame({ low: true }),
  ] as const;
  for (const frame of frames) pool.process.gives(frame);
  expect(ada.audio).toEqual([frames[0], frames[1]]);
  expect(viewer.audio).toEqual([frames[0], frames[2]]);
  expect(other.audio).toEqual([frames[0]]);
});

test('an output that throws is removed and told; the others miss nothing', () => {
  const broken = output('broken', { videos: [small], audio: true });
  const fine = output('fine', { videos: [small], audio: true });
  broken.breaks = true;
  pool.process.gives(videoFrame({ rendition: 1 }));
  pool.process.gives(videoFrame({ rendition: 1 }));
  pool.process.gives(audioFrame());
  expect(broken.faults).toHaveLength(1);
  expect(fine.video).toHaveLength(2);
  expect(fine.audio).toHaveLength(1);
  fine.breaks = true;
  pool.process.gives(audioFrame());
  expect(pool.process.sent('watch').at(-1)).toMatchObject({ videos: [], audio: false });
});

test('frames of sources go to the decoder, and to outputs that take them', () => {
  const tracks = output('tracks', { sources: true });
  const other = output('other', { audio: true });
  const frame = videoIn(3);
  pipeline.receive(frame);
  expect(pool.process.frames).toEqual([frame]);
  expect(tracks.fromSources).toEqual([frame]);
  expect(other.fromSources).toEqual([]);
  pool.process.takesFrames = false;
  pipeline.receive(frame);
  expect(pipeline.counters.link_frames_dropped).toBe(1);
});

test('a keyframe request goes to the source that is meant', () => {
  const [camera, screen] = [new FakeSource(1), new FakeSource(2)];
  pipeline.setSources([camera, screen]);
  pool.process.reports({ type: 'keyframe-needed', source: 2 });
  pool.process.reports({ type: 'keyframe-needed', source: 9 });
  expect([camera.keyframesAsked, screen.keyframesAsked]).toEqual([0, 1]);
  pipeline.requestKeyframe(small, true);
  expect(pool.process.sent('keyframe')).toEqual([{ type: 'keyframe', urgent: true, ...small }]);
});

test('sources learn how large they are shown, in the largest composite that is made', () => {
  const [shown, hidden] = [new FakeSource(1), new FakeSource(2)];
  pipeline.setSources([shown, hidden]);
  const tile = { source: 1, role: 'participant', z: 0, fit: 'crop', x: 0, y: 0 } as const;
  const tiles = [{ ...tile, width: 640, height: 360 }];
  pool.process.reports({ type: 'layout', tiles, ptsMicros: 5 });
  const own = { width: 1920, height: 1080, frameRate: 30, bitrateBps: 4_000_000 };
  output('large', { videos: [{ codec: 'h264', rendition: 2, own }] });
  pool.process.reports({ type: 'layout', tiles, ptsMicros: 6 });
  expect(shown.shown).toEqual([
    { width: 640, height: 360 },
    { width: 960, height: 540 },
  ]);
  expect(hidden.shown).toEqual([undefined, undefined]);
  expect(events).toEqual(['layout 1', 'layout 1']);
});

test('a process that replaces a dead one is sent everything, and asks senders for keyframes', async () => {
  const source = new FakeSource(1);
  pipeline.setSources([source]);
  const viewer = output('viewer', { videos: [best], audio: true, mix: 1 });
  pipeline.arrange({ mode: 'spotlight', pinned: [1] });
  pipeline.setOverlays({});
  pipeline.setImage('room/logo', 'AAAA');
  pipeline.setImage('room/gone', 'BBBB');
  pipeline.setImage('room/gone', undefined);
  pipeline.setLoadFloor(2);
  pool.process.reports({ type: 'load', steps: ['late_tiles'] });
  const voice = audioIn(1, nowMicros());
  pipeline.receive(voice);
  // The full mix of a tick whose end never comes.
  pool.process.gives(audioFrame({ last: false }));
  const first = pool.process;
  first.crashes();
  expect(pool.released).toEqual([first]);
  pipeline.receive(videoIn(1));
  await vi.advanceTimersByTimeAsync(0);
  expect(pool.processes).toHaveLength(2);
  expect(pool.process.commands[0]).toEqual({ type: 'configure', settings: MIX });
  expect(pool.process.sent('arrange')).toEqual([
    { type: 'arrange', layout: { mode: 'spotlight', pinned: [1] } },
  ]);
  expect(pool.process.sent('overlays')).toHaveLength(1);
  expect(pool.process.sent('image')).toEqual([{ type: 'image', name: 'room/logo', data: 'AAAA' }]);
  expect(pool.process.sent('load')).toEqual([{ type: 'load', floor: 2 }]);
  expect(pool.process.sent('sources').at(-1)?.sources).toEqual([source.state]);
  expect(pool.process.sent('watch').at(-1)).toMatchObject({ videos: [best], audio: true });
  expect(source.keyframesAsked).toBe(1);
  // The voice goes on where it was.
  expect(pool.process.frames).toEqual([voice]);
  expect(events).toEqual(['load late_tiles', 'load ']);
  expect(pipeline.counters).toEqual({ media_process_restarts: 1, link_frames_dropped: 0 });
  // Nothing of the old process's tick is heard; picture ids count on.
  pool.process.gives(audioFrame({ source: 1 }));
  expect(viewer.audio).toHaveLength(1);
  expect(viewer.audio[0]?.source).toBe(1);
});

test('processes that keep dying are started after growing pauses, calm ends that', async () => {
  const startedAt: number[] = [];
  for (let i = 0; i < 5; i++) {
    const before = pool.processes.length;
    pool.process.crashes();
    let waited = 0;
    await vi.advanceTimersByTimeAsync(0);
    while (pool.processes.length === before) {
      await vi.advanceTimersByTimeAsync(50);
      waited += 50;
    }
    startedAt.push(waited);
  }
  expect(startedAt).toEqual([0, 100, 200, 400, 800]);
  await vi.advanceTimersByTimeAsync(31_000);
  pool.process.crashes();
  await vi.advanceTimersByTimeAsync(0);
  expect(pool.processes).toHaveLength(7);
});

test('a process that cannot be started is tried again; after close none is', async () => {
  pool.failures = 2;
  pool.process.crashes();
  await vi.advanceTimersByTimeAsync(150);
  expect(pool.processes).toHaveLength(1);
  await vi.advanceTimersByTimeAsync(200);
  expect(pool.processes).toHaveLength(2);
  pool.process.crashes();
  await pipeline.close();
  await vi.advanceTimersByTimeAsync(60_000);
  expect(pool.processes).toHaveLength(2);
});

test('who speaks, who is dominant and what is corrupt is passed on', () => {
  pool.process.reports({ type: 'speaking', sources: [1, 2] });
  pool.process.reports({ type: 'dominant', source: undefined });
  pool.process.reports({ type: 'corrupt', source: 3, media: 'video' });
  expect(events).toEqual(['speaking 1,2', 'dominant undefined', 'corrupt 3']);
});
