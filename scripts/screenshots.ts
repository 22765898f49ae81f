/**
 * Makes `.github/layouts.png`, the docs' picture of every layout: a real room with test people and a
 * shared screen, as a viewer decodes it. `npm run screenshots`.
 */
import { writeFileSync } from 'node:fs';
import { createCanvas, type SKRSContext2D } from '@napi-rs/canvas';
import { Replay } from '../src/bots/replay.js';
import { RtpClient } from '../src/bots/rtp-client.js';
import { encodeTestPattern } from '../src/bots/test-pattern.js';
import { Picture } from '../src/codecs/ffmpeg/picture.js';
import { Scaler } from '../src/codecs/ffmpeg/scaler.js';
import { VideoDecoder } from '../src/codecs/ffmpeg/video-decoder.js';
import { VideoEncoder } from '../src/codecs/ffmpeg/video-encoder.js';
import { vp8Depacketizer } from '../src/codecs/vp8-depacketizer.js';
import { packetizeVp8 } from '../src/codecs/vp8-packetizer.js';
import { useFont } from '../src/mixer/tiles/fonts.js';
import { LAYOUT_MODES } from '../src/protocol/layout.js';
import { callApi } from '../test/support/api.js';
import { sleep, TestServer } from '../test/support/server.js';

const ROOM = 'layouts';
const PEOPLE = ['Ada', '王小明', 'Cleo 👋', 'أحمد', 'Eva', 'Zoë'];
const [WIDTH, HEIGHT] = [1280, 720];
/** Of a picture on the sheet. */
const [SMALL_WIDTH, SMALL_HEIGHT, GAP] = [640, 360, 16];

const CUSTOM = {
  background: '#16324f',
  regions: [
    { x: 0.04, y: 0.12, width: 0.6, height: 0.6, role: 'screen', radius: 0.04 },
    {
      x: 0.67,
      y: 0.12,
      width: 0.28,
      height: 0.36,
      role: 'speaker',
      radius: 0.1,
      border: { width: 0.006, colour: '#ffc14d' },
    },
    { x: 0.67, y: 0.54, width: 0.28, height: 0.36, role: 'participant', radius: 0.1 },
    { x: 0.5, y: 0.62, width: 0.13, height: 0.23, role: 'participant', z: 1, radius: 0.5 },
  ],
};

function paintSlide(context: SKRSContext2D): void {
  context.fillStyle = '#fdfdfb';
  context.fillRect(0, 0, WIDTH, HEIGHT);
  context.fillStyle = '#222';
  useFont(context, 64, 'Quarterly report');
  context.fillText('Quarterly report', 80, 130);
  const bars = [0.35, 0.5, 0.42, 0.7, 0.64, 0.9];
  bars.forEach((share, index) => {
    context.fillStyle = `hsl(${200 + index * 12} 60% 50%)`;
    context.fillRect(90 + index * 190, 640 - share * 430, 130, share * 430);
  });
}

async function encodeSlide(): Promise<Buffer[]> {
  const canvas = createCanvas(WIDTH, HEIGHT);
  paintSlide(canvas.getContext('2d'));
  const size = { width: WIDTH, height: HEIGHT, frameRate: 5, bitrateBps: 4_000_000 };
  using encoder = await VideoEncoder.open({ codec: 'vp8', ...size });
  using picture = Picture.allocate(WIDTH, HEIGHT);
  using scaler = new Scaler();
  const whole = { x: 0, y: 0, width: WIDTH, height: HEIGHT };
  await scaler.drawRgba(Buffer.from(canvas.data()), whole, picture, whole);
  const [frame] = await encoder.encode(picture, 0, true);
  return packetizeVp8(frame?.data ?? Buffer.alloc(0), 0);
}

/** Decodes all of the composite and keeps the newest picture. */
class Watcher {
  newest: Picture | undefined;
  private payloads: Buffer[] = [];
  private queue: Promise<void> = Promise.resolve();

  constructor(client: RtpClient, decoder: VideoDecoder) {
    client.onVideoPayload = (payload, marker) => {
      this.payloads.push(Buffer.from(payload));
      if (!marker) return;
      const data = vp8Depacketizer.assemble(this.payloads)?.data;
      this.payloads = [];
      if (data) this.queue = this.queue.then(() => this.decode(decoder, data));
    };
  }

  private async decode(decoder: VideoDecoder, data: Buffer): Promise<void> {
    const picture = await decoder.decode(data);
    if (!picture || picture === 'corrupt') return;
    this.newest?.[Symbol.dispose]();
    this.newest = picture;
  }
}

function toImage(picture: Picture) {
  const canvas = createCanvas(WIDTH, HEIGHT);
  const context = canvas.getContext('2d');
  const image = context.createImageData(WIDTH, HEIGHT);
  const [y, u, v] = picture.planes as [Buffer, Buffer, Buffer];
  const [luma = 0, chroma = 0] = picture.strides;
  for (let at = 0; at < WIDTH * HEIGHT; at++) {
    const [row, column] = [Math.floor(at / WIDTH), at % WIDTH];
    const half = (row >> 1) * chroma + (column >> 1);
    const l = 1.164 * ((y[row * luma + column] as number) - 16);
    const [cb, cr] = [(u[half] as number) - 128, (v[half] as number) - 128];
    image.data.set([l + 1.596 * cr, l - 0.392 * cb - 0.813 * cr, l + 2.017 * cb, 255], at * 4);
  }
  context.putImageData(image, 0, 0);
  return canvas;
}

const server = await TestServer.start({
  TESSERA_VIDEO_CODECS: 'vp8',
  TESSERA_VIDEO_BITRATE: '8000',
});
const url = server.signalUrl;
const replay = new Replay();
const clients: RtpClient[] = [];
for (const [index, name] of PEOPLE.entries()) {
  const client = await RtpClient.join({ url, room: ROOM, name, receive: false, screen: true });
  clients.push(client);
  if (index !== 4) replay.add(client, await encodeTestPattern(name, index));
  else client.send({ type: 'mute', camera: false, mic: false });
}
const slide = await encodeSlide();
let sent = 0;
const screens = setInterval(() => clients[0]?.sendRtp('screen', slide, sent++ * 18_000), 200);
const viewer = await RtpClient.join({ url, room: ROOM, name: 'Viewer', viewer: true });
using decoder = await VideoDecoder.open('vp8');
const watcher = new Watcher(viewer, decoder);
await viewer.requestKeyframe();

const sheet = createCanvas(2 * SMALL_WIDTH + 3 * GAP, 3 * (SMALL_HEIGHT + 56) + GAP);
const context = sheet.getContext('2d');
context.fillStyle = '#ffffff';
context.fillRect(0, 0, sheet.width, sheet.height);
const api = (path: string, body: unknown) =>
  callApi(server, 'PATCH', `/rooms/${ROOM}${path}`, { body });
for (const [index, mode] of LAYOUT_MODES.entries()) {
  const isShared = mode === 'presentation' || mode === 'custom';
  clients[0]?.send({ type: 'mute', screen: isShared });
  const all = { title: 'Town hall', recording: true, clock: { timeZone: 'UTC' } };
  await api('', { overlays: mode === 'custom' ? all : {} });
  await sleep(300);
  await api('/layout', { mode, custom: CUSTOM });
  await sleep(2500);
  if (!watcher.newest) throw new Error('no picture came');
  const x = GAP + (index % 2) * (SMALL_WIDTH + GAP);
  const y = GAP + Math.floor(index / 2) * (SMALL_HEIGHT + 56);
  context.drawImage(toImage(watcher.newest), x, y, SMALL_WIDTH, SMALL_HEIGHT);
  context.fillStyle = '#222';
  useFont(context, 24, mode);
  context.fillText(mode, x, y + SMALL_HEIGHT + 32);
}
clearInterval(screens);
replay.stop();
writeFileSync(new URL('../.github/layouts.png', import.meta.url), sheet.toBuffer('image/png'));
await Promise.all([...clients, viewer].map((client) => client.close()));
await server.close();
process.exit(0);
