/** Malformed media from one client; a real client beside it must not notice. */
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest';
import { randomFrom } from '../../src/bots/random.js';
import { RtpClient } from '../../src/bots/rtp-client.js';
import { packetizeH264 } from '../../src/codecs/h264-packetizer.js';
import { packetizeVp8 } from '../../src/codecs/vp8-packetizer.js';
import { Bot } from '../support/bot.js';
import { encodeMoving } from '../support/encoded.js';
import { encodeStream } from '../support/encoder.js';
import { isColour, tile } from '../support/expect-media.js';
import { sleep, TestServer, waitFor } from '../support/server.js';

let server: TestServer;
beforeAll(async () => {
  server = await TestServer.start();
});
afterAll(() => server?.close());

for (const codec of ['vp8', 'h264'] as const) {
  test(`a corrupt ${codec} and opus stream harms nobody else`, async () => {
    const room = `bad-${codec}`;
    const good = await Bot.join(server, { room, name: 'Good', colour: 'green', frequency: 1000 });
    const eye = await Bot.join(server, { room, name: 'Eye', viewer: true });
    const bad = await RtpClient.join({ url: server.signalUrl, room, name: 'Bad', codec });
    onTestFinished(async () => {
      await bad.close();
      good.kill();
      eye.kill();
    });
    const frames = await encodeMoving(codec, 60);
    const next = randomFrom(codec === 'vp8' ? 1 : 2);
    await waitFor('the good tile', async () => isColour(await eye.colourAt(...middle(0)), 'green'));
    await eye.report();
    const before = await waitFor('stats', () => server.room(room));
    for (let i = 0; i < 300; i++) {
      const frame = Buffer.from(frames[i % frames.length] as Buffer);
      // Bits of the payload are flipped behind the frame header, so that it reaches the decoder.
      for (let flips = 0; flips < 20; flips++) {
        const at = 12 + Math.floor(next() * (frame.length - 12));
        frame[at] = Math.floor(next() * 256);
      }
      const payloads = codec === 'vp8' ? packetizeVp8(frame, i) : packetizeH264(frame);
      if (i % 7 === 3) payloads.push(Buffer.from([0x90, 0x80]), Buffer.alloc(0));
      bad.sendRtp('video', payloads, i * 3000);
      bad.sendRtp(
        'audio',
        [Buffer.from(Array.from({ length: 40 }, () => Math.floor(next() * 256)))],
        i * 960,
      );
      await sleep(15);
    }
    const { longestGapMs } = await eye.report();
    const after = await waitFor('stats', () => server.room(room));
    expect(isColour(await eye.colourAt(...middle(0)), 'green')).toBe(true);
    expect(await eye.toneLevel(1000)).toBeGreaterThan(-25);
    expect(after.participants.map(({ state }) => state)).toEqual([
      'connected',
      'connected',
      'connected',
    ]);
    expect(after.counters.media_process_restarts).toBe(before.counters.media_process_restarts);
    const sender = after.participants.find(({ name }) => name === 'Bad')?.counters ?? {};
    const refused =
      (sender.video_frames_malformed ?? 0) + (after.counters.video_frames_corrupt ?? 0);
    expect(refused).toBeGreaterThan(0);
    expect(longestGapMs).toBeLessThan(1000);
  });
}

test('video that is too large is refused before it is decoded, and the sender gets an error', async () => {
  const client = await RtpClient.join({ url: server.signalUrl, room: 'large', name: 'Large' });
  const frame = Buffer.alloc(1000);
  frame.set([0x10, 0x02, 0x00, 0x9d, 0x01, 0x2a, 0xff, 0x3f, 0xff, 0x3f]);
  for (let i = 0; i < 30; i++) {
    client.sendRtp('video', packetizeVp8(frame, i), i * 3000);
    await sleep(20);
  }
  await waitFor('the error', () => client.errors.includes('video_too_large'));
  expect(client.errors.filter((code) => code === 'video_too_large')).toHaveLength(1);
  const room = await waitFor('stats', () => server.room('large'));
  expect(room.participants[0]?.counters.video_frames_too_large).toBeGreaterThan(0);
  expect(room.counters.video_frames_decoded ?? 0).toBe(0);
  await client.close();
});

test.each([
  [2560, 1440],
  [1440, 1920],
])('video of %dx%d is decoded', async (width, height) => {
  const name = `${width}`;
  const client = await RtpClient.join({ url: server.signalUrl, room: name, name });
  const frames = encodeStream({
    encoder: 'libvpx',
    ...{ width, height, count: 4, gop: 1 },
    options: [
      ['deadline', 'realtime'],
      ['cpu-used', '8'],
    ],
    draw: (planes) => {
      for (const plane of planes) plane.fill(128);
    },
  });
  let at = 0;
  await waitFor('pictures', async () => {
    const { data } = frames[at % frames.length] as { data: Buffer };
    client.sendRtp('video', packetizeVp8(data, at), at++ * 3000);
    const { counters } = (await server.room(name)) ?? {};
    return (counters?.video_frames_decoded ?? 0) > 2;
  });
  expect(client.errors).toEqual([]);
  await client.close();
});

function middle(index: number, count = 2): [number, number] {
  const region = tile(index, count);
  return [region.x + region.width / 2, region.y + region.height / 2];
}
