/** Recordings: what is in the files, read back by FFmpeg, is what was sent. */
import { existsSync, readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest';
import { callApi } from '../support/api.js';
import { Bot } from '../support/bot.js';
import { COLOURS } from '../support/fixtures.js';
import { decodeFaults, framesOf, probe, type RecordedFrame, soundOf } from '../support/recorded.js';
import {
  act,
  mainFile,
  over,
  pathOf,
  record,
  recordingOf,
  running,
} from '../support/recordings.js';
import { TestServer, waitFor } from '../support/server.js';

let server: TestServer;
beforeAll(async () => {
  server = await TestServer.start({ TESSERA_RECORDING_KEYFRAME_SECONDS: '2' });
});
afterAll(() => server?.close());

const isColour = (found: readonly number[], name: keyof typeof COLOURS) =>
  found.every((value, i) => Math.abs(value - (COLOURS[name][i] as number)) < 45);

/** Longest time between two pictures, in seconds. */
const longestGap = (frames: readonly RecordedFrame[]) =>
  Math.max(...frames.slice(1).map(({ at }, i) => at - (frames[i]?.at ?? 0)));

test('a recording shows joins and leaves, through a pause and a crash of the media process', async () => {
  const ana = await Bot.join(server, { room: 'story', name: 'Ana', colour: 'red', frequency: 440 });
  const started = await record(server, 'story');
  expect(started.status).toBe('starting');
  await running(server, started.id);
  await sleep(2500);
  const ben = await Bot.join(server, {
    room: 'story',
    name: 'Ben',
    colour: 'blue',
    frequency: 660,
  });
  await sleep(2500);
  const pausedAt = Date.now();
  await act(server, started.id, 'pause');
  expect((await recordingOf(server, started.id)).status).toBe('paused');
  await ana.mute({ mic: false });
  await sleep(3000);
  await ana.mute({ mic: true });
  await sleep(500);
  const pausedMs = Date.now() - pausedAt;
  await act(server, started.id, 'resume');
  await sleep(2500);
  await ben.leave();
  await sleep(2500);
  const { mediaPid } = (await server.room('story')) as { mediaPid: number };
  process.kill(mediaPid, 'SIGKILL');
  await sleep(3500);
  await act(server, started.id, 'stop');
  const done = await over(server, started.id);
  const length = ((done.endedAt ?? 0) - done.startedAt) / 1000;
  await ana.leave();

  expect(done).toMatchObject({ status: 'finished', format: 'mp4', audioCodec: 'opus' });
  expect(done.files.map(({ name }) => name)).toEqual([
    'composite.mp4',
    'poster.jpg',
    'thumbnails.jpg',
    'thumbnails.vtt',
    'timeline.json',
  ]);
  const path = mainFile(server, done);
  expect(await decodeFaults(path)).toBe('');
  const { duration, streams, chapters, tags } = await probe(path);
  expect(streams.map(({ codec_name }) => codec_name)).toEqual(['h264', 'opus']);
  expect(tags.title).toBe('story');
  // The pause is not in it.
  expect(Math.abs(duration - (length - pausedMs / 1000))).toBeLessThan(1.5);
  expect(Math.abs(duration * 1000 - done.durationMs)).toBeLessThan(50);
  for (const { start_time, duration: own } of streams) {
    expect(Number(start_time)).toBeLessThan(0.03);
    expect(Math.abs(Number(own) - duration)).toBeLessThan(0.1);
  }
  expect(chapters[0]?.tags.title).toBe('story');

  const timeline = JSON.parse(readFileSync(pathOf(server, done, 'timeline.json'), 'utf8'));
  const eventAt = (type: string, name?: string) =>
    timeline.events.find(
      (event: { type: string; name?: string }) =>
        event.type === type && (name === undefined || event.name === name),
    ).at / 1000;
  const came = eventAt('joined', 'Ben');
  const left = eventAt('left');
  const paused = eventAt('paused');
  expect(eventAt('resumed') - paused).toBeLessThan(0.5);
  expect(timeline.events.some(({ type }: { type: string }) => type === 'speaking')).toBe(true);
  expect(timeline.events.some(({ type }: { type: string }) => type === 'layout')).toBe(true);

  const frames = await framesOf(path);
  const [first] = frames;
  expect(first?.isKeyframe).toBe(true);
  expect(isColour(first?.colourAt(0.5, 0.4) ?? [], 'red')).toBe(true);
  // The crash shows as one short freeze, nothing else does.
  const gaps = frames.slice(1).map(({ at }, i) => at - (frames[i]?.at ?? 0));
  expect(gaps.filter((gap) => gap > 0.5).length).toBeLessThanOrEqual(1);
  expect(longestGap(frames)).toBeLessThan(5);
  const blueAt = frames.filter((frame) => isColour(frame.colourAt(0.75, 0.4), 'blue'));
  expect(blueAt.at(0)?.at).toBeGreaterThan(came - 0.5);
  expect(blueAt.at(-1)?.at).toBeLessThan(left + 0.7);
  expect(blueAt.length).toBeGreaterThan(60);
  // Barcodes count up, also over pause and crash.
  const whole = { x: 1 / 6, y: 0, width: 2 / 3, height: 1 };
  const alone = frames.filter(({ at }) => at < came - 0.5);
  const codes = alone.map((frame) => frame.barcodeAt(whole)).filter((code) => code >= 0);
  expect(codes.length).toBeGreaterThan(alone.length * 0.6);
  const steps = codes.slice(1).map((code, i) => (code - (codes[i] ?? 0) + 64) % 64);
  expect(steps.filter((step) => step > 48)).toEqual([]);

  const sound = await soundOf(path);
  expect(Math.abs(sound.seconds - duration)).toBeLessThan(0.1);
  expect(sound.tone(440, 0.3, 1.3)).toBeGreaterThan(-25);
  expect(sound.tone(660, 0.3, came - 0.2)).toBeLessThan(-60);
  expect(sound.tone(660, paused - 1, paused - 0.1)).toBeGreaterThan(-25);
  // Her silence fell into the pause.
  expect(sound.tone(440, paused - 0.8, paused - 0.05)).toBeGreaterThan(-25);
  expect(sound.tone(440, paused + 0.3, paused + 1.3)).toBeGreaterThan(-25);
  expect(sound.tone(660, left + 1, left + 2)).toBeLessThan(-60);
  expect(sound.tone(440, duration - 1.2, duration - 0.2)).toBeGreaterThan(-25);
});

test.concurrent.each([
  ['webm', undefined, ['vp8', 'opus']],
  ['mp4', 'aac', ['h264', 'aac']],
  ['ogg', undefined, ['opus']],
  ['m4a', undefined, ['aac']],
  ['m4a', 'opus', ['opus']],
] as const)('%s with %s', async (format, audioCodec, codecs) => {
  const room = `format-${format}-${audioCodec}`;
  const bot = await Bot.join(server, { room, name: 'Ana', colour: 'green', frequency: 523 });
  await waitFor('the tile', async () => isColour(await bot.colourAt(0.5, 0.4), 'green'));
  const { id } = await record(server, room, { format, ...(audioCodec ? { audioCodec } : {}) });
  await running(server, id);
  await sleep(4000);
  await act(server, id, 'stop');
  const done = await over(server, id);
  await bot.leave();
  expect(done.error).toBeUndefined();
  const path = mainFile(server, done);
  expect(await decodeFaults(path)).toBe('');
  const { streams, duration, chapters } = await probe(path);
  expect(streams.map(({ codec_name }) => codec_name)).toEqual(codecs);
  expect(duration).toBeGreaterThan(3.5);
  const length = ((done.endedAt ?? 0) - done.startedAt) / 1000;
  expect(Math.abs(duration - length)).toBeLessThan(1.5);
  expect(chapters[0]?.tags.title).toBe(room);
  const sound = await soundOf(path);
  expect(sound.tone(523, 1, 3)).toBeGreaterThan(-25);
  expect(done.files.some(({ name }) => name === 'poster.jpg')).toBe(codecs.length > 1);
  if (codecs.length === 1) return;
  const frames = await framesOf(path);
  expect(frames[0]?.isKeyframe).toBe(true);
  expect(frames.every((frame) => isColour(frame.colourAt(0.5, 0.4), 'green'))).toBe(true);
  // Two of these run at once, on cores that others use too: not every tick has a new picture.
  expect(frames.length).toBeGreaterThan(duration * 10);
});

test("a participant's tracks have what that participant sent, and nothing else", async () => {
  const room = 'tracks';
  const ana = await Bot.join(server, { room, name: 'Ana', colour: 'red', frequency: 440 });
  const ben = await Bot.join(server, { room, name: 'Ben', colour: 'blue', frequency: 660 });
  const { id } = await record(server, room, { tracks: true });
  await running(server, id);
  await sleep(2500);
  await ben.mute({ mic: false });
  await sleep(2000);
  await ben.mute({ mic: true });
  await sleep(2500);
  await act(server, id, 'stop');
  const done = await over(server, id);
  await Promise.all([ana.leave(), ben.leave()]);
  expect(done.error).toBeUndefined();
  expect(done.tracks.map(({ name, source }) => `${name} ${source}`).sort()).toEqual([
    'Ana camera',
    'Ana microphone',
    'Ben camera',
    'Ben microphone',
  ]);
  const tones = { Ana: 440, Ben: 660 } as const;
  const colours = { Ana: 'red', Ben: 'blue' } as const;
  const all = done.durationMs / 1000;
  for (const { name, source, file, startMs } of done.tracks) {
    const path = pathOf(server, done, file);
    expect(await decodeFaults(path), file).toBe('');
    const { duration } = await probe(path);
    expect(Math.abs(duration + startMs / 1000 - all), `${name} ${source}`).toBeLessThan(1.5);
    const who = name as 'Ana' | 'Ben';
    if (source === 'microphone') {
      const sound = await soundOf(path);
      expect(sound.tone(tones[who], 0.5, 2)).toBeGreaterThan(-20);
      expect(sound.tone(tones[who === 'Ana' ? 'Ben' : 'Ana'], 0.5, 2)).toBeLessThan(-60);
      expect(sound.tone(tones[who], all - 1.5, all - 0.7)).toBeGreaterThan(-20);
      continue;
    }
    const frames = await framesOf(path);
    expect(frames.length).toBeGreaterThan(60);
    expect(frames.every((frame) => isColour(frame.colourAt(0.5, 0.4), colours[who]))).toBe(true);
  }
});

/** CPU of all recorders of a server. */
async function egressSeconds({ url }: TestServer): Promise<number> {
  const text = await (await fetch(`${url}/metrics`)).text();
  const series = /^tessera_process_cpu_seconds_total\{process="egress",room=""\} (\S+)$/m;
  return Number(series.exec(text)?.[1]);
}

test('a recorder that dies is replaced, and the file is complete', async () => {
  const room = 'recorder';
  const bot = await Bot.join(server, { room, name: 'Ana', colour: 'yellow', frequency: 392 });
  const { id } = await record(server, room);
  await running(server, id);
  await sleep(3000);
  const pid = (
    (await server.stats()) as unknown as { recordings: { pids: Record<string, number> } }
  ).recordings.pids[id] as number;
  const before = await egressSeconds(server);
  expect(before).toBeGreaterThan(0);
  process.kill(pid, 'SIGKILL');
  await sleep(4000);
  // What the dead one took is not forgotten.
  expect(await egressSeconds(server)).toBeGreaterThan(before);
  await act(server, id, 'stop');
  const done = await over(server, id);
  await bot.leave();
  expect(done.error).toBeUndefined();
  const path = mainFile(server, done);
  expect(await decodeFaults(path)).toBe('');
  const length = ((done.endedAt ?? 0) - done.startedAt) / 1000;
  const { duration } = await probe(path);
  expect(Math.abs(duration - length)).toBeLessThan(1.5);
  const frames = await framesOf(path);
  expect(frames.every((frame) => isColour(frame.colourAt(0.5, 0.4), 'yellow'))).toBe(true);
  expect(frames.length).toBeGreaterThan((duration - 3) * 20);
  const sound = await soundOf(path);
  expect(sound.tone(392, 0.5, 1.5)).toBeGreaterThan(-25);
  expect(sound.tone(392, duration - 1.5, duration - 0.5)).toBeGreaterThan(-25);
});

test('a larger rendition for a recording is composed at its size, not scaled up', async () => {
  const room = 'own';
  const bot = await Bot.join(server, { room, name: 'Ana', colour: 'red', frequency: 440 });
  const rendition = { width: 1920, height: 1080, frameRate: 15, bitrate: 3000 };
  const { id } = await record(server, room, { rendition });
  await running(server, id);
  await sleep(3000);
  await act(server, id, 'stop');
  const done = await over(server, id);
  const layout = (await callApi(server, 'GET', `/rooms/${room}/layout`)).body;
  await bot.leave();
  expect(done.video).toEqual({ codec: 'h264', width: 1920, height: 1080 });
  const path = mainFile(server, done);
  expect((await probe(path)).streams[0]).toMatchObject({ width: 1920, height: 1080 });
  const frames = await framesOf(path);
  expect(isColour(frames[0]?.colourAt(0.5, 0.4) ?? [], 'red')).toBe(true);
  expect(frames.length).toBeLessThan(done.durationMs * 0.018);
  // What everybody else receives is as it was.
  expect(layout).toMatchObject({ width: 1280, height: 720 });
});

test.each(['tone', 'voice'] as const)(
  'everybody hears a %s when a recording begins',
  async (announce) => {
    const own = await TestServer.start({ TESSERA_RECORDING_ANNOUNCE: announce });
    onTestFinished(() => own.close());
    const bots = await Promise.all(
      ['Ana', 'Ben'].map((name) => Bot.join(own, { room: 'said', name, audio: false })),
    );
    await sleep(2500);
    const { id } = await record(own, 'said', { format: 'ogg' });
    if (announce === 'tone') {
      await Promise.all(
        bots.map((bot) =>
          waitFor('the tone', async () => (await bot.toneLevel(880)) > -40, 10_000),
        ),
      );
    }
    await running(own, id);
    await sleep(3000);
    await act(own, id, 'stop');
    const sound = await soundOf(mainFile(own, await over(own, id)));
    await Promise.all(bots.map((bot) => bot.leave()));
    // It is in the recording as well: loud for a while, then quiet.
    const loud = (from: number) =>
      Math.max(...sound.pcm.subarray(from * 48_000, (from + 0.5) * 48_000).map(Math.abs));
    expect(Math.max(loud(0), loud(0.5))).toBeGreaterThan(0.05);
    expect(loud(sound.seconds - 0.6)).toBeLessThan(0.05);
  },
);

test('a room with automatic recording is recorded from the first join to the end', async () => {
  const room = 'automatic';
  const settings = { name: room, record: { format: 'ogg' }, emptySeconds: 1 };
  await callApi(server, 'POST', '/rooms', { body: settings });
  const bot = await Bot.join(server, { room, name: 'Ana', colour: 'red', frequency: 440 });
  const found = await waitFor('a recording', async () => {
    const { body } = await callApi(server, 'GET', `/rooms/${room}/recordings`);
    return body[0]?.status === 'recording' && body[0];
  });
  await sleep(2000);
  await bot.leave();
  const done = await over(server, found.id);
  expect(done).toMatchObject({ status: 'finished', room, format: 'ogg' });
  expect((await soundOf(mainFile(server, done))).tone(440, 0.8, 1.8)).toBeGreaterThan(-25);
});

test('impossible requests are refused, and a finished recording stays finished', async () => {
  const bot = await Bot.join(server, { room: 'rules', name: 'Ana', colour: 'red', frequency: 440 });
  const post = (path: string, body: unknown = {}) => callApi(server, 'POST', path, { body });
  expect((await post('/rooms/nobody/recordings')).body.code).toBe('room_not_found');
  const webm = { format: 'webm', audioCodec: 'aac' };
  expect((await post('/rooms/rules/recordings', webm)).body.code).toBe('bad_recording');
  expect((await post('/rooms/rules/recordings', { format: 'avi' })).body.code).toBe('bad_request');
  // Of two who ask at once, one is heard.
  const both = await Promise.all(
    [1, 2].map(() => post('/rooms/rules/recordings', { format: 'ogg' })),
  );
  expect(both.map(({ status }) => status).sort()).toEqual([201, 409]);
  const id: string = both.find(({ status }) => status === 201)?.body.id;
  expect((await post('/rooms/rules/recordings')).body).toMatchObject({ code: 'recording_exists' });
  expect((await callApi(server, 'DELETE', `/recordings/${id}`)).body.code).toBe('recording_busy');
  await running(server, id);
  await act(server, id, 'stop');
  expect((await post(`/recordings/${id}/pause`)).body.code).toBe('recording_over');
  const done = await over(server, id);
  await bot.leave();
  for (const name of ['..%2f..%2fkeys.json', 'nothing.mp4', '%2e%2e', '.index']) {
    const answer = await fetch(`${server.url}/v1/recordings/${id}/files/${name}`);
    expect(answer.status, name).toBe(404);
  }
  const url = `${server.url}/v1/recordings/${id}/files/composite.ogg`;
  const part = await fetch(url, { headers: { range: 'bytes=0-3' } });
  expect(part.status).toBe(206);
  expect(await part.text()).toBe('OggS');
  const saved = await fetch(`${url}?download=1`);
  expect(saved.headers.get('content-type')).toBe('audio/ogg');
  expect(saved.headers.get('content-disposition')).toContain(`filename="${id}-composite.ogg"`);
  expect((await saved.arrayBuffer()).byteLength).toBe(done.files[0]?.bytes);
  expect((await callApi(server, 'DELETE', `/recordings/${id}`)).status).toBe(204);
  expect((await callApi(server, 'GET', `/recordings/${id}`)).body.code).toBe('recording_not_found');
  expect(existsSync(pathOf(server, done, ''))).toBe(false);
});
