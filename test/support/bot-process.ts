/**
 * A participant on libwebrtc (@roamhq/wrtc), in a process of its own since it may crash at exit.
 * Sends a colour and a tone, or a flash with a beep each second; reports what it receives.
 */
import wrtc from '@roamhq/wrtc';
import WebSocket from 'ws';
import type { BotOptions, BotReport } from './bot.js';
import type { Region } from './browser.js';
import {
  BARCODE_CELL,
  BARCODE_TOP,
  BITS,
  drawFrame,
  drawScreen,
  FRAME_HEIGHT,
  FRAME_WIDTH,
  SCREEN_HEIGHT,
  SCREEN_WIDTH,
} from './fixtures.js';

const { RTCPeerConnection, nonstandard } = wrtc as any;
const options = JSON.parse(process.argv[2] as string) as BotOptions;
const report: BotReport = {
  joined: false,
  frames: 0,
  lastFrameAt: 0,
  longestGapMs: 0,
  width: 0,
  height: 0,
  flashes: [],
  beeps: [],
  sentBeeps: [],
  timeOrigin: performance.timeOrigin,
  tileGaps: [],
  errors: [],
};
let newest: { width: number; height: number; data: Uint8ClampedArray } | undefined;
const heard = new Float32Array(48_000);
let heardAt = 0;

const pc = new RTCPeerConnection({ bundlePolicy: 'max-bundle' });
const video = new nonstandard.RTCVideoSource();
const audio = new nonstandard.RTCAudioSource();
const query = options.token === undefined ? '' : `?access_token=${options.token}`;
const socket = new WebSocket(`${options.url}${query}`);
const send = (message: unknown) => socket.send(JSON.stringify(message));

socket.on('open', () =>
  send({ type: 'join', room: options.room, name: options.name, viewer: options.viewer ?? false }),
);
socket.on('message', async (text: Buffer) => {
  const message = JSON.parse(text.toString());
  if (message.type === 'welcome') await startMedia();
  if (message.type === 'answer')
    await pc.setRemoteDescription({ type: 'answer', sdp: message.sdp });
  if (message.type === 'candidate') {
    await pc.addIceCandidate({ candidate: message.candidate, sdpMLineIndex: 0, sdpMid: '0' });
  }
  if (message.type === 'connection' && message.state === 'connected') report.joined = true;
  if (message.type === 'error') report.errors.push(message.code);
});

async function offer(): Promise<void> {
  await pc.setLocalDescription(await pc.createOffer());
  send({ type: 'offer', sdp: pc.localDescription.sdp });
}

async function startMedia(): Promise<void> {
  if (!options.viewer) {
    pc.addTransceiver(options.audio === false ? 'audio' : audio.createTrack(), {
      direction: 'sendonly',
    });
    pc.addTransceiver(options.video === false ? 'video' : video.createTrack(), {
      direction: 'sendonly',
    });
  }
  pc.addTransceiver('audio', { direction: 'recvonly' });
  if (options.watch !== false) pc.addTransceiver('video', { direction: 'recvonly' });
  pc.onicecandidate = ({ candidate }: any) =>
    candidate && send({ type: 'candidate', candidate: candidate.candidate });
  pc.ontrack = ({ track }: any) => (track.kind === 'video' ? watch(track) : listen(track));
  await offer();
  send({ type: 'mute', mic: options.audio !== false, camera: options.video !== false });
}

function watch(track: any): void {
  const sink = new nonstandard.RTCVideoSink(track);
  sink.onframe = ({ frame }: any) => {
    const now = performance.now();
    if (report.lastFrameAt)
      report.longestGapMs = Math.max(report.longestGapMs, now - report.lastFrameAt);
    report.lastFrameAt = now;
    report.frames++;
    report.width = frame.width;
    report.height = frame.height;
    newest = frame;
    if (options.watchTile) watchTile(frame, options.watchTile, now);
    const bright =
      (frame.data[(frame.height >> 1) * frame.width + (frame.width >> 1)] as number) > 150;
    mark(report.flashes, bright, now);
  };
}

let lastBarcode = -1;
let lastBarcodeAt = 0;

/** Notes how long the frame number in a tile stood still; the tile may crop a 16:9 picture. */
function watchTile(frame: any, tile: Region, now: number): void {
  const { width, height, data } = frame;
  const crop = 16 / 9 / ((tile.width * width) / (tile.height * height));
  const at = (start: number, span: number, part: number, stretch: number, size: number) =>
    Math.round((start + span * ((part - 0.5) * Math.max(1, stretch) + 0.5)) * size);
  const middle = (BARCODE_TOP + BARCODE_CELL / 2) / FRAME_HEIGHT;
  const y = at(tile.y, tile.height, middle, 1 / crop, height);
  let gray = 0;
  for (let bit = 0; bit < BITS; bit++) {
    const cell = (FRAME_WIDTH - BITS * BARCODE_CELL) / 2 + (bit + 0.5) * BARCODE_CELL;
    const luma = data[y * width + at(tile.x, tile.width, cell / FRAME_WIDTH, crop, width)];
    if (luma > 90 && luma < 165) return;
    if (luma >= 165) gray |= 1 << bit;
  }
  if (gray === lastBarcode) return;
  if (lastBarcodeAt) report.tileGaps.push(now - lastBarcodeAt);
  lastBarcode = gray;
  lastBarcodeAt = now;
}

function listen(track: any): void {
  const sink = new nonstandard.RTCAudioSink(track);
  sink.ondata = ({ samples, channelCount }: any) => {
    let peak = 0;
    for (let i = 0; i < samples.length; i += channelCount) {
      const value = samples[i] / 32_768;
      heard[heardAt] = value;
      heardAt = (heardAt + 1) % heard.length;
      peak = Math.max(peak, Math.abs(value));
    }
    mark(report.beeps, peak > 0.1, performance.now());
  };
}

/** Notes the moment at which something began: it was not there for the last 300 ms. */
const lastOn = new Map<number[], number>();
function mark(list: number[], on: boolean, now: number): void {
  if (!on) return;
  if (now - (lastOn.get(list) ?? -1e9) > 300) list.push(now);
  lastOn.set(list, now);
}

function levelOf(frequency: number): number {
  let re = 0;
  let im = 0;
  for (let i = 0; i < heard.length; i++) {
    const value = heard[(heardAt + i) % heard.length] as number;
    const window = 0.5 - 0.5 * Math.cos((2 * Math.PI * i) / heard.length);
    re += value * window * Math.cos((2 * Math.PI * frequency * i) / 48_000);
    im += value * window * Math.sin((2 * Math.PI * frequency * i) / 48_000);
  }
  return 20 * Math.log10((4 * Math.hypot(re, im)) / heard.length + 1e-9);
}

function colourAt(x: number, y: number): [number, number, number] {
  if (!newest) return [0, 0, 0];
  const { width, height, data } = newest;
  const [px, py] = [Math.floor(x * width), Math.floor(y * height)];
  const chroma = width * height + (py >> 1) * (width >> 1) + (px >> 1);
  const luma = (data[py * width + px] as number) - 16;
  const u = (data[chroma] as number) - 128;
  const v = (data[chroma + ((width * height) >> 2)] as number) - 128;
  const clamp = (value: number) => Math.max(0, Math.min(255, Math.round(value)));
  return [
    clamp(1.164 * luma + 1.596 * v),
    clamp(1.164 * luma - 0.392 * u - 0.813 * v),
    clamp(1.164 * luma + 2.017 * u),
  ];
}

/** Random luma in squares of 8 x 8 in the upper part. */
function addNoise(data: Uint8ClampedArray): void {
  for (let y = 0; y < FRAME_HEIGHT / 4; y += 8) {
    for (let x = 0; x < FRAME_WIDTH; x += 8) {
      const luma = Math.random() * 255;
      for (let row = y; row < y + 8; row++) {
        data.fill(luma, row * FRAME_WIDTH + x, row * FRAME_WIDTH + Math.min(x + 8, FRAME_WIDTH));
      }
    }
  }
}

const started = performance.now();
let frameIndex = 0;
let sampleIndex = 0;
/** Flash and beep begin together, at each whole second, for 100 ms. */
const flashing = (seconds: number) => options.flash === true && seconds % 1 < 0.1;
setInterval(() => {
  const elapsed = performance.now() - started;
  while (options.video !== false && frameIndex * 33.333 <= elapsed) {
    const colour = options.flash
      ? flashing(frameIndex / 30)
        ? 'white'
        : 'black'
      : (options.colour ?? 'red');
    const late = frameIndex * 33.333 < elapsed - 100;
    if (!late) {
      const data = new Uint8ClampedArray(drawFrame(colour, frameIndex % 64));
      if (options.noise) addNoise(data);
      video.onFrame({ width: FRAME_WIDTH, height: FRAME_HEIGHT, data });
    }
    frameIndex++;
  }
  while (options.audio !== false && sampleIndex / 48 <= elapsed) {
    if (options.flash && sampleIndex % 48_000 === 0) {
      report.sentBeeps.push(performance.timeOrigin + performance.now());
    }
    const samples = new Int16Array(480);
    for (let i = 0; i < 480; i++) {
      const at = sampleIndex + i;
      const on = options.flash ? flashing(at / 48_000) : true;
      samples[i] = on
        ? Math.round(
            0.4 * 32_767 * Math.sin((2 * Math.PI * (options.frequency ?? 440) * at) / 48_000),
          )
        : 0;
    }
    audio.onData({
      samples,
      sampleRate: 48_000,
      bitsPerSample: 16,
      channelCount: 1,
      numberOfFrames: 480,
    });
    sampleIndex += 480;
  }
}, 5);

let screen: any;

/** Shares a screen that is blue but for its corners, which are white squares, with a tone of its own. */
async function share({ frequency }: { frequency: number }): Promise<void> {
  if (!screen) {
    screen = { video: new nonstandard.RTCVideoSource(), audio: new nonstandard.RTCAudioSource() };
    pc.addTransceiver(screen.video.createTrack(), { direction: 'sendonly' });
    pc.addTransceiver(screen.audio.createTrack(), { direction: 'sendonly' });
    await offer();
  }
  send({ type: 'mute', screen: true });
  const [width, height] = [SCREEN_WIDTH, SCREEN_HEIGHT];
  const data = new Uint8ClampedArray(drawScreen());
  let at = 0;
  const begun = performance.now();
  screen.timer = setInterval(() => {
    while (at / 48 <= performance.now() - begun) {
      const samples = Int16Array.from({ length: 480 }, (_, i) =>
        Math.round(0.3 * 32_767 * Math.sin((2 * Math.PI * frequency * (at + i)) / 48_000)),
      );
      const format = { sampleRate: 48_000, bitsPerSample: 16, channelCount: 1 };
      screen.audio.onData({ samples, ...format, numberOfFrames: 480 });
      at += 480;
      if (at % 9600 === 0) screen.video.onFrame({ width, height, data });
    }
  }, 5);
}

function stopSharing(): void {
  clearInterval(screen?.timer);
  send({ type: 'mute', screen: false });
}

/** Samples of sound played, and those of them that were made up. */
async function concealment(): Promise<{ concealed: number; total: number }> {
  const sum = { concealed: 0, total: 0 };
  for (const stats of (await pc.getStats()).values()) {
    sum.concealed += stats.concealedSamples ?? 0;
    sum.total += stats.totalSamplesReceived ?? 0;
  }
  return sum;
}

process.on('message', async (question: any) => {
  const answer = { id: question.id, value: undefined as unknown };
  if (question.ask === 'report') {
    answer.value = { ...report };
    report.longestGapMs = 0;
    report.tileGaps = [];
  }
  if (question.ask === 'concealment') answer.value = await concealment();
  if (question.ask === 'level') answer.value = levelOf(question.frequency);
  if (question.ask === 'line') {
    const { from, to, count } = question;
    answer.value = Array.from({ length: count }, (_, i) => {
      const share = count > 1 ? i / (count - 1) : 0;
      return colourAt(from[0] + (to[0] - from[0]) * share, from[1] + (to[1] - from[1]) * share);
    });
  }
  if (question.ask === 'colour') answer.value = colourAt(question.x, question.y);
  if (question.ask === 'mute') send({ type: 'mute', ...question.state });
  if (question.ask === 'share') share(question).catch((error) => report.errors.push(String(error)));
  if (question.ask === 'stopSharing') stopSharing();
  if (question.ask === 'send') send(question.message);
  if (question.ask === 'leave') send({ type: 'leave' });
  process.send?.(answer);
});
process.on('disconnect', () => process.exit(0));
