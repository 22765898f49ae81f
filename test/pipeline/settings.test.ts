/** Settings that change the picture and the sound, and H.264 on its way up, read back by a real client. */
import { afterEach, expect, onTestFinished, test } from 'vitest';
import { RtpClient } from '../../src/bots/rtp-client.js';
import { packetizeH264 } from '../../src/codecs/h264-packetizer.js';
import { packetizeVp8 } from '../../src/codecs/vp8-packetizer.js';
import { Bot } from '../support/bot.js';
import { encodeMoving } from '../support/encoded.js';
import { isColour, tile } from '../support/expect-media.js';
import { sleep, TestServer, waitFor } from '../support/server.js';

let server: TestServer | undefined;
afterEach(async () => {
  await server?.close();
});

test('size, codec, letterbox and stereo are as set', async () => {
  server = await TestServer.start({
    TESSERA_VIDEO_WIDTH: '640',
    TESSERA_VIDEO_HEIGHT: '640',
    TESSERA_VIDEO_FRAME_RATE: '15',
    TESSERA_VIDEO_CODECS: 'vp8',
    TESSERA_VIDEO_FIT: 'letterbox',
    TESSERA_AUDIO_CHANNELS: '2',
  });
  const sender = await Bot.join(server, {
    room: 'set',
    name: 'A',
    colour: 'green',
    frequency: 1000,
  });
  const eye = await Bot.join(server, { room: 'set', name: 'Eye', viewer: true });
  // 16:9 in a square: whole in the middle, bars above and below.
  await waitFor('green in the middle', async () => isColour(await eye.colourAt(0.5, 0.4), 'green'));
  const bar = await eye.colourAt(0.5, 0.1);
  expect(Math.max(...bar)).toBeLessThan(40);
  const first = await eye.report();
  expect([first.width, first.height]).toEqual([640, 640]);
  await sleep(3000);
  const rate = ((await eye.report()).frames - first.frames) / 3;
  expect(rate).toBeGreaterThan(10);
  expect(rate).toBeLessThan(18);
  await waitFor('sound', async () => (await eye.toneLevel(1000)) > -25);
  sender.kill();
  eye.kill();
});

test('an H.264 sender is seen in the composite', async () => {
  server = await TestServer.start();
  const eye = await Bot.join(server, { room: 'up', name: 'Eye', viewer: true });
  const sender = await RtpClient.join({
    url: server.signalUrl,
    room: 'up',
    name: 'H',
    codec: 'h264',
  });
  const frames = await encodeMoving('h264', 60);
  let index = 0;
  const timer = setInterval(() => {
    sender.sendRtp('video', packetizeH264(frames[index % 60] as Buffer), index * 3000);
    index++;
  }, 33);
  const { x, y, width, height } = tile(0, 1);
  const seen = new Set<string>();
  // The background's brightness changes from frame to frame, without colour.
  await waitFor('the moving picture', async () => {
    const [r, g, b] = await eye.colourAt(x + width / 2, y + height * 0.9);
    if (Math.abs(r - g) < 12 && Math.abs(g - b) < 12 && g > 40) seen.add(String(g >> 4));
    return seen.size >= 5;
  });
  clearInterval(timer);
  await sender.close();
  eye.kill();
});

test('without a viewer nothing is decoded or encoded; the first viewer sees a picture', async () => {
  server = await TestServer.start();
  const options = { url: server.signalUrl, room: 'unseen', watch: false } as const;
  const sender = await RtpClient.join({ ...options, name: 'Unseen' });
  const frames = await encodeMoving('vp8', 60);
  let index = 0;
  const timer = setInterval(() => {
    sender.sendRtp('video', packetizeVp8(frames[index % 60] as Buffer, index), index * 3000);
    index++;
  }, 33);
  await waitFor('frames that are not shown', async () => {
    const counters = (await server?.room('unseen'))?.counters ?? {};
    return (counters.video_frames_not_shown ?? 0) > 60;
  });
  const { counters } = await waitFor('stats', () => server?.room('unseen'));
  expect(counters.video_frames_decoded ?? 0).toBe(0);
  expect(counters.video_encodes_h264 ?? 0).toBe(0);
  const eye = await Bot.join(server, { room: 'unseen', name: 'Eye', viewer: true });
  await waitFor('a bright picture', async () => Math.min(...(await eye.colourAt(0.5, 0.9))) > 40);
  clearInterval(timer);
  await sender.close();
  eye.kill();
});

test('missing hardware is logged, and the call goes on without it', async () => {
  const own = await TestServer.start({ TESSERA_VIDEO_HARDWARE: 'vaapi' });
  onTestFinished(() => own.close());
  // Machines with a graphics card have it: then the picture comes from there.
  const log = own.log.join('');
  expect(log).toMatch(/the hardware encoder does not work|H.264 is encoded in hardware/);
  const viewer = await RtpClient.join({
    url: own.signalUrl,
    room: 'hardware',
    name: 'Eye',
    codec: 'h264',
    viewer: true,
  });
  onTestFinished(() => viewer.close());
  await waitFor('pictures', () => viewer.videoFrames > 0, 20_000);
});
