import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import type { OutputCommand, OutputEvent } from '../../../src/link/egress-messages.js';
import type { AudioOutFrame, VideoOutFrame } from '../../../src/link/link-messages.js';
import {
  type EgressOpening,
  EgressSession,
  type EgressSessionOptions,
} from '../../../src/outputs/egress-session.js';
import { FakeLauncher, type FakeProcess, PROGRESS } from '../../support/fake-egress.js';
import { silentLogger } from '../../support/members.js';

const STREAM: OutputCommand = {
  type: 'stream',
  url: 'srt://192.0.2.1:9000',
  muxer: 'mpegts',
  options: {},
  video: { codec: 'h264', width: 1280, height: 720 },
  audioCodec: 'aac',
  audioChannels: 2,
  audioBitrateBps: 96_000,
};
class Bench {
  readonly launcher = new FakeLauncher();
  readonly events: OutputEvent[] = [];
  readonly failures: string[] = [];
  readonly givenUp: string[] = [];
  readonly keyframes: boolean[] = [];
  wantsKeyframes = true;
  released = 0;
  open: () => EgressOpening | Promise<EgressOpening> = () => ({
    commands: [STREAM],
    release: () => {
      this.released++;
    },
  });
  readonly session: EgressSession;

  constructor(options: Partial<EgressSessionOptions> = {}) {
    this.session = new EgressSession(
      this.launcher,
      {
        batchMs: 0,
        keyframeMs: 0,
        urgentKeyframes: false,
        restart: { firstMs: 1000, maxMs: 8000 },
        maxFailures: 5,
        ...options,
      },
      silentLogger,
      {
        open: () => this.open(),
        wantsKeyframes: () => this.wantsKeyframes,
        requestKeyframe: (urgent) => this.keyframes.push(urgent),
        onEvent: (event) => this.events.push(event),
        onFailure: (reason) => this.failures.push(reason),
        onGivenUp: (reason) => this.givenUp.push(reason),
      },
    );
  }

  get processes(): readonly FakeProcess[] {
    return this.launcher.processes;
  }

  get latest(): FakeProcess {
    return this.launcher.latest;
  }

  /** Starts the session and waits until its output is open. */
  async start(): Promise<void> {
    this.session.start();
    await wait(0);
  }
}

const wait = (ms: number) => vi.advanceTimersByTimeAsync(ms);

function video(ptsMicros: number, keyframe = false): VideoOutFrame {
  return {
    kind: 'video-out',
    codec: 'h264',
    rendition: 0,
    keyframe,
    temporalLayer: 0,
    ptsMicros,
    encodedMicros: ptsMicros,
    data: Buffer.from([1]),
  };
}

function audio(ptsMicros: number): AudioOutFrame {
  return {
    kind: 'audio-out',
    low: false,
    lowBegins: false,
    source: 0,
    ptsMicros,
    last: true,
    data: Buffer.from([1]),
  };
}

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

test('opens the output, asks for a keyframe and carries frames in order', async () => {
  const bench = new Bench();
  await bench.start();
  expect(bench.latest.commands).toEqual([STREAM]);
  expect(bench.keyframes).toEqual([true]);
  bench.session.write(video(0, true));
  bench.session.write(audio(1));
  expect(bench.latest.frames.map(({ kind }) => kind)).toEqual(['video-out', 'audio-out']);
  expect(bench.session.pid).toBe(1);
});

test('commands wait until the output is open', async () => {
  const bench = new Bench();
  let opened: (opening: EgressOpening) => void = () => {};
  bench.open = () =>
    new Promise((resolve) => {
      opened = resolve;
    });
  bench.session.start();
  bench.session.send({ type: 'resume' });
  expect(bench.latest.commands).toEqual([]);
  opened({ commands: [STREAM] });
  await wait(0);
  expect(bench.latest.commands).toEqual([STREAM, { type: 'resume' }]);
});

test('a crash starts another process after a growing pause', async () => {
  const bench = new Bench();
  await bench.start();
  bench.latest.crash();
  expect(bench.failures).toEqual(['killed by SIGKILL']);
  await wait(999);
  expect(bench.processes).toHaveLength(1);
  await wait(1);
  expect(bench.processes).toHaveLength(2);
  expect(bench.latest.commands).toEqual([STREAM]);
  bench.latest.crash();
  await wait(1999);
  expect(bench.processes).toHaveLength(2);
  await wait(1);
  expect(bench.processes).toHaveLength(3);
  expect(bench.session.snapshot()).toMatchObject({ restarts: 2 });
  expect(bench.released).toBe(2);
});

test('progress starts the pauses over', async () => {
  const bench = new Bench();
  await bench.start();
  bench.latest.crash();
  await wait(1000);
  bench.latest.emit(PROGRESS);
  bench.latest.crash();
  await wait(1000);
  expect(bench.processes).toHaveLength(3);
});

test('after too many failures in a row it gives up', async () => {
  const bench = new Bench({ maxFailures: 2, restart: { firstMs: 10, maxMs: 10 } });
  await bench.start();
  for (let n = 0; n < 3; n++) {
    bench.latest.crash();
    await wait(10);
  }
  expect(bench.failures).toHaveLength(2);
  expect(bench.givenUp).toEqual(['killed by SIGKILL']);
  await wait(60_000);
  expect(bench.processes).toHaveLength(3);
});

test('an output that cannot be opened counts as a failure', async () => {
  const bench = new Bench();
  bench.open = () => Promise.reject(new Error('no port'));
  await bench.start();
  expect(bench.failures).toEqual(['no port']);
  expect(bench.latest.closed).toBe(1);
});

test('without progress the output has failed', async () => {
  const bench = new Bench({ stallMs: 15_000 });
  await bench.start();
  await wait(10_000);
  bench.latest.emit(PROGRESS);
  await wait(14_999);
  expect(bench.failures).toEqual([]);
  await wait(1);
  expect(bench.failures).toHaveLength(1);
  expect(bench.latest.closed).toBe(1);
});

test('events of a process that was replaced are ignored', async () => {
  const bench = new Bench();
  await bench.start();
  const first = bench.latest;
  bench.session.fail('fault');
  await wait(1000);
  first.emit(PROGRESS);
  first.crash();
  expect(bench.events).toEqual([]);
  expect(bench.failures).toEqual(['fault']);
});

test('after a dropped frame video waits for a keyframe, audio does not', async () => {
  const bench = new Bench();
  await bench.start();
  bench.latest.takesFrames = false;
  bench.session.write(video(0));
  expect(bench.keyframes).toEqual([true, true]);
  bench.latest.takesFrames = true;
  bench.session.write(video(1));
  bench.session.write(audio(2));
  bench.session.write(video(3, true));
  bench.session.write(video(4));
  expect(bench.latest.frames).toMatchObject([{ ptsMicros: 2 }, { ptsMicros: 3 }, { ptsMicros: 4 }]);
  expect(bench.session.snapshot().framesDropped).toBe(2);
});

test('a dropped audio frame costs no video', async () => {
  const bench = new Bench();
  await bench.start();
  bench.latest.takesFrames = false;
  bench.session.write(audio(0));
  bench.latest.takesFrames = true;
  bench.session.write(video(1));
  expect(bench.latest.frames).toHaveLength(1);
});

test('frames without a process are counted', async () => {
  const bench = new Bench();
  await bench.start();
  bench.latest.crash();
  bench.session.write(video(0, true));
  expect(bench.session.snapshot()).toMatchObject({ framesMissed: 1, framesDropped: 0 });
});

test('frames are sent in batches', async () => {
  const bench = new Bench({ batchMs: 150 });
  await bench.start();
  for (let n = 0; n < 5; n++) bench.session.write(audio(n));
  expect(bench.latest.frames).toHaveLength(0);
  await wait(150);
  expect(bench.latest.frames).toHaveLength(5);
  // A batch is bounded: a full one does not wait.
  for (let n = 0; n < 300; n++) bench.session.write(audio(n));
  expect(bench.latest.frames.length).toBeGreaterThan(200);
});

test('keyframes are requested regularly while they are of use', async () => {
  const bench = new Bench({ keyframeMs: 2000 });
  await bench.start();
  await wait(4000);
  expect(bench.keyframes).toEqual([true, false, false]);
  bench.wantsKeyframes = false;
  await wait(4000);
  expect(bench.keyframes).toHaveLength(3);
  bench.latest.emit({ type: 'keyframe-needed' });
  expect(bench.keyframes.at(-1)).toBe(true);
});

test('end waits for the answer of the process, and then closes it', async () => {
  const bench = new Bench();
  await bench.start();
  const ending = bench.session.end(77, 20_000);
  expect(bench.latest.commands.at(-1)).toEqual({ type: 'stop', at: 77 });
  await wait(5000);
  expect(bench.latest.closed).toBe(0);
  bench.latest.emit({ type: 'stopped', durationMicros: 5 });
  expect(await ending).toEqual({ type: 'stopped', durationMicros: 5 });
  expect(bench.latest.closed).toBe(1);
});

test('end does not wait for ever, nor for a process that dies', async () => {
  const late = new Bench();
  await late.start();
  const ending = late.session.end(0, 20_000);
  await wait(20_000);
  expect(await ending).toBeUndefined();
  const dying = new Bench();
  await dying.start();
  const ended = dying.session.end(0, 20_000);
  dying.latest.crash();
  expect(await ended).toBeUndefined();
  await wait(60_000);
  expect(dying.processes).toHaveLength(1);
});

test('close is idempotent and ends a wait for a restart', async () => {
  const bench = new Bench();
  await bench.start();
  bench.latest.crash();
  await Promise.all([bench.session.close(), bench.session.close()]);
  await bench.session.close();
  await wait(60_000);
  expect(bench.processes).toHaveLength(1);
  expect(bench.session.pid).toBeUndefined();
});

test('what was opened for a closed session is released', async () => {
  const bench = new Bench();
  let opened: (opening: EgressOpening) => void = () => {};
  bench.open = () =>
    new Promise((resolve) => {
      opened = resolve;
    });
  bench.session.start();
  await bench.session.close();
  opened({ commands: [STREAM], release: () => bench.released++ });
  await wait(0);
  expect(bench.released).toBe(1);
  expect(bench.latest.commands).not.toContainEqual(STREAM);
});
