/**
 * One participant whose media breaks the mixer, with real clients beside: odd sizes, frames that crash
 * or hang the decoder, and media processes that hang.
 */
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest';
import { signToken, videoGrantFor } from '../../src/api/access-token.js';
import { RtpClient } from '../../src/bots/rtp-client.js';
import { packetizeH264 } from '../../src/codecs/h264-packetizer.js';
import { packetizeVp8 } from '../../src/codecs/vp8-packetizer.js';
import { makeKey } from '../../src/config/api-keys.js';
import { callApi } from '../support/api.js';
import { Bot } from '../support/bot.js';
import { encodeMoving, encodeSized } from '../support/encoded.js';
import { isColour, tile } from '../support/expect-media.js';
import { type FaultyBuild, faultyBuild, marked } from '../support/faulty-build.js';
import { oddKeyframes } from '../support/odd-sizes.js';
import { sleep, TestServer, waitFor } from '../support/server.js';

/** Sizes that a sender changes between. */
const SWITCHED = [
  [1280, 720],
  [320, 180],
  [960, 540],
  [180, 320],
  [1920, 1080],
  [640, 360],
] as const;

let build: FaultyBuild;
let server: TestServer;
let admin: string;
const key = makeKey();
let frames: Buffer[] = [];
beforeAll(async () => {
  build = faultyBuild();
  server = await TestServer.start(
    { TESSERA_AUTH_KEYS: `${key.id}:${key.secret}` },
    undefined,
    build.main,
  );
  admin = await signToken(key, { video: { roomList: true, roomAdmin: true }, seconds: 900 });
  server.token = admin;
  frames = await encodeMoving('vp8', 30, 30);
});
afterAll(async () => {
  await server?.close();
  build?.[Symbol.dispose]();
});

/** A call of one who is seen and heard, one who watches, and one who sends what the test makes. */
class Call {
  private sent = 0;

  private constructor(
    readonly room: string,
    readonly eye: Bot,
    readonly bad: RtpClient,
    private readonly codec: 'vp8' | 'h264',
  ) {}

  static async begin(room: string, codec: 'vp8' | 'h264' = 'vp8'): Promise<Call> {
    const tokenOf = (identity: string) =>
      signToken(key, { identity, video: videoGrantFor(room, 'participant'), seconds: 900 });
    const seen = { colour: 'green', frequency: 1000 } as const;
    const good = await Bot.join(server, {
      room,
      name: 'Good',
      token: await tokenOf('good'),
      ...seen,
    });
    const token = await tokenOf('eye');
    const eye = await Bot.join(server, { room, name: 'Eye', token, viewer: true });
    const bad = await RtpClient.join({
      ...{ url: server.signalUrl, room, name: 'Bad', codec },
      token: await tokenOf('bad'),
    });
    onTestFinished(async () => {
      await bad.close();
      good.kill();
      eye.kill();
    });
    const call = new Call(room, eye, bad, codec);
    await call.seesAndHears('at the beginning');
    await eye.report();
    return call;
  }

  /** Sends a frame of each at 30 fps. */
  async send(list: readonly Buffer[]): Promise<void> {
    for (const frame of list) {
      const n = this.sent++;
      const packets = this.codec === 'vp8' ? packetizeVp8(frame, n) : packetizeH264(frame);
      this.bad.sendRtp('video', packets, n * 3000);
      await sleep(33);
    }
  }

  /** Sends until it is true. */
  async sendUntil(what: string, check: () => Promise<boolean>): Promise<void> {
    let isOver = false;
    const waiting = waitFor(what, check, 20_000).finally(() => {
      isOver = true;
    });
    while (!isOver) await this.send([frames[this.sent % frames.length] as Buffer]);
    await waiting;
  }

  async seesAndHears(when: string): Promise<void> {
    const { x, y, width, height } = tile(0, 2);
    await waitFor(`green and a tone ${when}`, async () => {
      const colour = await this.eye.colourAt(x + width / 2, y + height / 2);
      return isColour(colour, 'green') && (await this.eye.toneLevel(1000)) > -25;
    });
  }

  async state(): Promise<{ restarts: number; trouble: string | undefined; id: string }> {
    const { body } = await callApi(server, 'GET', `/rooms/${this.room}/participants`, {
      token: admin,
    });
    const people = body as { id: string; name: string; trouble?: string }[];
    const bad = people.find(({ name }) => name === 'Bad');
    const room = await server.room(this.room);
    return {
      restarts: room?.counters.media_process_restarts ?? -1,
      trouble: bad?.trouble,
      id: bad?.id ?? '',
    };
  }

  async isInTrouble(trouble: string | undefined): Promise<boolean> {
    return (await this.state()).trouble === trouble;
  }
}

test('keyframes of odd sizes change nothing for the others', async () => {
  const call = await Call.begin('sizes');
  const before = await call.eye.concealment();
  for (const frame of await oddKeyframes()) await call.send([frame, frame, frame]);
  const { longestGapMs } = await call.eye.report();
  const after = await call.eye.concealment();
  expect((await call.state()).restarts).toBe(0);
  expect(longestGapMs).toBeLessThan(1000);
  expect(after.concealed - before.concealed).toBeLessThan(0.1 * (after.total - before.total));
  await call.seesAndHears('after the odd sizes');
});

for (const codec of ['h264', 'vp8'] as const) {
  test(`a hundred changes of size by one ${codec} sender change nothing for the others`, async () => {
    const call = await Call.begin(`switch-${codec}`, codec);
    const parts = await Promise.all(SWITCHED.map((size) => encodeSized(codec, size, 3)));
    const before = await call.eye.concealment();
    for (let i = 0; i < 100; i++) await call.send(parts[i % parts.length] as Buffer[]);
    const { longestGapMs } = await call.eye.report();
    const after = await call.eye.concealment();
    console.log(
      `gap ${longestGapMs} ms, concealed ${(after.concealed - before.concealed) / 48} ms`,
    );
    expect((await call.state()).restarts).toBe(0);
    expect(longestGapMs).toBeLessThan(1000);
    expect(after.concealed - before.concealed).toBeLessThan(0.1 * (after.total - before.total));
  });
}

test('a stream that crashes every decoder costs one restart; hosts can have it tried again', async () => {
  const call = await Call.begin('abort');
  await call.send(frames);
  const bomb = marked(frames[0] as Buffer, 'abort');
  await call.send([bomb]);
  // On probation it sends the bomb again: only its own process dies.
  let bombs = true;
  const bombing = (async () => {
    while (bombs) await call.send([bomb]);
  })();
  await waitFor('the quarantine', () => call.bad.errors.includes('media_quarantined'), 15_000);
  expect(await call.state()).toMatchObject({ restarts: 1, trouble: 'quarantined' });
  await call.seesAndHears('after the crash');
  const { id } = await call.state();
  const path = `/rooms/abort/participants/${id}/quarantine`;
  const lift = () => callApi(server, 'DELETE', path, { token: admin });
  expect((await lift()).status).toBe(204);
  const quarantines = () => call.bad.errors.filter((code) => code === 'media_quarantined').length;
  await waitFor('the second conviction', () => quarantines() === 2, 15_000);
  bombs = false;
  await bombing;
  expect((await call.state()).restarts).toBe(1);
  // What it sends is in order again: it is tried, and shown.
  expect((await lift()).status).toBe(204);
  await call.sendUntil('the end of the quarantine', () => call.isInTrouble(undefined));
  expect((await lift()).status).toBe(409);
  expect((await call.state()).restarts).toBe(1);
  await call.seesAndHears('at the end');
});

for (const [mark, what] of [
  ['hang', 'an endless loop in the decoder'],
  ['lost', 'a call of the decoder that never comes back'],
] as const) {
  test(`${what} costs one restart`, async () => {
    const call = await Call.begin(mark);
    await call.send(frames);
    await call.send([marked(frames[0] as Buffer, mark)]);
    await call.sendUntil('the restart', async () => (await call.state()).restarts === 1);
    await call.sendUntil('the acquittal', () => call.isInTrouble(undefined));
    await call.seesAndHears('after the restart');
    expect((await call.state()).restarts).toBe(1);
  });
}

test('a media process that stands still is replaced within two seconds', async () => {
  const call = await Call.begin('stopped');
  await call.eye.report();
  const pid = (await server.room('stopped'))?.mediaPid as number;
  process.kill(pid, 'SIGSTOP');
  const from = performance.now();
  await waitFor('another process', async () => {
    const now = (await server.room('stopped'))?.mediaPid;
    return now !== undefined && now !== pid;
  });
  await call.seesAndHears('from the new process');
  const { longestGapMs } = await call.eye.report();
  console.log(`replaced after ${Math.round(performance.now() - from)} ms, gap ${longestGapMs} ms`);
  expect(longestGapMs).toBeLessThan(4000);
});

test('SIGSEGV from outside puts nobody into quarantine for long', async () => {
  const call = await Call.begin('segv');
  for (let crash = 1; crash <= 2; crash++) {
    const pid = await waitFor('a process', async () => (await server.room('segv'))?.mediaPid);
    process.kill(pid, 'SIGSEGV');
    await call.sendUntil('the restart', async () => (await call.state()).restarts === crash);
    await call.sendUntil('a room in order', () => call.isInTrouble(undefined));
    await call.seesAndHears(`after crash ${crash}`);
  }
  expect(call.bad.errors).toEqual([]);
});
