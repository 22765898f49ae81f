/** Which rendition a receiver gets: by its link and by its own limits, independent of others. */
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest';
import { RtpClient } from '../../src/bots/rtp-client.js';
import { Bot } from '../support/bot.js';
import { ImpairedNetwork } from '../support/impaired-network.js';
import { NetworkCall } from '../support/network-call.js';
import { sleep, TestServer, waitFor } from '../support/server.js';
import { soak } from '../support/soak.js';

/** Of the default ladder. */
const [P720, P360, P180, LIFELINE, AUDIO] = [0, 1, 2, 3, -1] as const;
/** Queues of half a second, as links of so little have. */
const link = (rateKbps: number) => ({ rateKbps, queueMs: 500 });

let server: TestServer;
beforeAll(async () => {
  server = await TestServer.start();
});
afterAll(() => server?.close());

const countersOf = async (room: string, name: string) =>
  (await server.room(room))?.participants.find((one) => one.name === name)?.counters ?? {};

soak(
  'a link of 2000, 400, 100, 30 kbit/s and back: down the ladder to audio alone, and up again',
  async () => {
    const room = 'walk';
    const call = await NetworkCall.start(server, room, { delayMs: 20 });
    onTestFinished(() => call.ends());
    // A picture that takes the whole of what it may.
    const noise = await Bot.join(server, { room, name: 'Noise', noise: true, audio: false });
    onTestFinished(() => noise.kill());
    await call.renditionIs((rendition) => rendition === P720, 30_000);
    for (const [rateKbps, wanted] of [
      [2000, [P720]],
      [400, [P360, P180]],
      [100, [LIFELINE]],
      [30, [AUDIO]],
      [100, [LIFELINE]],
      [400, [P360, P180]],
      [3000, [P720]],
    ] as const) {
      call.network.down.profile = { delayMs: 20, ...link(rateKbps) };
      const after = await call.renditionIs((is) => wanted.some((one) => one === is), 90_000);
      expect([rateKbps, after < 90_000]).toEqual([rateKbps, true]);
      await sleep(3000);
      await call.longestSilenceMs();
      await call.page.inboundStats();
      const before = await call.page.inboundStats();
      await sleep(8000);
      const now = await call.page.inboundStats();
      const delta = (name: string) => (now[name] ?? 0) - (before[name] ?? 0);
      const concealed = delta('audio.concealedSamples') / delta('audio.totalSamplesReceived');
      const silence = await call.longestSilenceMs();
      const frames = delta('video.framesDecoded');
      console.log(
        `${rateKbps} kbit/s: rendition ${wanted} after ${after} ms, ${(frames / 8).toFixed(1)} fps, ${(concealed * 100).toFixed(1)} % concealed, ${silence} ms at most`,
      );
      // Sound goes on: what is made up in between is short.
      expect([rateKbps, concealed < 0.15]).toEqual([rateKbps, true]);
      // A picture may be tried.
      if (wanted[0] === AUDIO) expect(frames).toBeLessThanOrEqual(3);
      else expect(frames).toBeGreaterThanOrEqual(2);
    }
    expect((await call.counters()).audio_low_rate).toBe(0);
  },
);

test('three links have three renditions, and one that narrows does not change the others', async () => {
  const room = 'three';
  const source = await Bot.join(server, { room, name: 'Noise', noise: true, frequency: 440 });
  onTestFinished(() => source.kill());
  const links: Record<string, ImpairedNetwork> = {};
  for (const [name, rateKbps] of [
    ['Good', 6000],
    ['Middling', 900],
    ['Poor', 330],
  ] as const) {
    const network = await ImpairedNetwork.start(server, { delayMs: 20 });
    onTestFinished(() => network.close());
    network.down.profile = { delayMs: 20, ...link(rateKbps) };
    links[name] = network;
    const { signalUrl } = network;
    const bot = await Bot.join(server, { room, name, viewer: true, signalUrl });
    onTestFinished(() => bot.kill());
  }
  const rendition = async (name: string) => (await countersOf(room, name)).video_rendition;
  const settle = (name: string, wanted: number) =>
    waitFor(`${name} to get ${wanted}`, async () => (await rendition(name)) === wanted, 60_000);
  await Promise.all([settle('Good', P720), settle('Middling', P360), settle('Poor', P180)]);
  await sleep(5000);
  const moves = async (name: string) => (await countersOf(room, name)).rendition_switches ?? 0;
  await Promise.all([settle('Good', P720), settle('Middling', P360), settle('Poor', P180)]);
  const before = { good: await moves('Good'), middling: await moves('Middling') };
  (links.Poor as ImpairedNetwork).down.profile = { delayMs: 20, ...link(90) };
  await settle('Poor', LIFELINE);
  // Time in which the others could be moved.
  await sleep(5000);
  expect(await moves('Good')).toBe(before.good);
  expect(await moves('Middling')).toBe(before.middling);
  expect([await rendition('Good'), await rendition('Middling')]).toEqual([P720, P360]);
}, 240_000);

test('unwatched renditions are not encoded; receivers choose a limit and get no more', async () => {
  const room = 'choice';
  const source = await Bot.join(server, { room, name: 'Noise', noise: true, frequency: 440 });
  onTestFinished(() => source.kill());
  const client = await RtpClient.join({
    url: server.signalUrl,
    room,
    name: 'Choosy',
    viewer: true,
  });
  onTestFinished(() => client.close());
  await source.send({ type: 'receive', rendition: '320x180@15' });
  const encodes = async () => {
    const counters = (await server.room(room))?.counters ?? {};
    return [0, 1, 2, 3].map((index) => counters[`video_encodes_vp8_${index}`] ?? 0);
  };
  const cpuMicros: number[] = [];
  const growing = async () => {
    await sleep(1500);
    const before = await encodes();
    const cpu = (await server.room(room))?.counters.cpu_micros ?? 0;
    await sleep(2500);
    const after = await encodes();
    cpuMicros.push(((await server.room(room))?.counters.cpu_micros ?? 0) - cpu);
    return after.flatMap((count, index) => (count > (before[index] as number) ? [index] : []));
  };
  await waitFor('a picture', () => client.videoFrames > 0);
  for (const [limits, wanted] of [
    [{}, [P720, P180]],
    [{ rendition: '640x360@30' }, [P360, P180]],
    [{ maxWidth: 300, maxHeight: 170 }, [P180]],
    [{ maxBitrate: 700 }, [P360, P180]],
    [{ rendition: 'lifeline' }, [P180, LIFELINE]],
    [{ rendition: 'audio' }, [P180]],
    [{ rendition: 'auto' }, [P720, P180]],
  ] as const) {
    client.send({ type: 'receive', ...limits });
    expect([limits, await growing()]).toEqual([limits, wanted]);
  }
  // With 1280x720 and without: an encode less is less CPU.
  const [whole = 0, , small = 0] = cpuMicros;
  console.log(
    `CPU ${(whole / 1000).toFixed(0)} ms, without 1280x720 ${(small / 1000).toFixed(0)} ms`,
  );
  expect(small).toBeLessThan(0.85 * whole);
  client.send({ type: 'receive', rendition: '12x34' });
  await waitFor('the refusal', () => client.errors.includes('unknown_rendition'));
}, 120_000);
