/**
 * What bots send: ten seconds of a moving pattern with a name and a clock, and a tone from time to
 * time, encoded once and repeated in step with the wall clock.
 */
import { createCanvas, type SKRSContext2D } from '@napi-rs/canvas';
import { quietFfmpeg } from '../codecs/ffmpeg/log.js';
import { Picture } from '../codecs/ffmpeg/picture.js';
import { Scaler } from '../codecs/ffmpeg/scaler.js';
import { VideoEncoder } from '../codecs/ffmpeg/video-encoder.js';
import { FRAME_SAMPLES, OpusEncoder } from '../codecs/opus/opus.js';
import { packetizeVp8 } from '../codecs/vp8-packetizer.js';
import { useFont } from '../mixer/tiles/fonts.js';

export const LOOP_MS = 10_000;
export const FRAME_RATE = 30;
export const AUDIO_FRAME_MS = 20;
const WIDTH = 640;
const HEIGHT = 360;
const VIDEO_BPS = 500_000;
const AUDIO_BPS = 32_000;
/** Recorded frames cannot answer keyframe requests: a decoder waits this many frames at most. */
const KEYFRAME_INTERVAL = 15;
/** They speak in turns: second n of five is person n's, modulo five. */
const TURNS = 5;
const BASE_HZ = 330;

export interface TestPattern {
  /** RTP payloads of each frame of the loop, VP8. */
  readonly video: readonly (readonly Buffer[])[];
  /** Opus, 20 ms each. */
  readonly audio: readonly Buffer[];
}

function paint(context: SKRSContext2D, name: string, hue: number, frame: number): void {
  const seconds = frame / FRAME_RATE;
  const turn = (seconds / (LOOP_MS / 1000)) * Math.PI * 2;
  context.fillStyle = `hsl(${hue} 40% 22%)`;
  context.fillRect(0, 0, WIDTH, HEIGHT);
  // Bars that drift one step a second, and wrap with the loop.
  const step = WIDTH / 10;
  context.fillStyle = `hsl(${hue} 45% 30%)`;
  for (let bar = -1; bar < 10; bar += 2) {
    context.fillRect(((bar + (seconds % 2)) * step + WIDTH) % WIDTH, 0, step, HEIGHT);
  }
  const radius = HEIGHT * 0.32;
  const [x, y] = [WIDTH / 2, HEIGHT * 0.46];
  context.fillStyle = `hsl(${hue} 50% 45%)`;
  context.beginPath();
  context.arc(x, y, radius, 0, Math.PI * 2);
  context.fill();
  context.strokeStyle = '#fff';
  context.lineWidth = 6;
  context.beginPath();
  context.moveTo(x, y);
  context.lineTo(x + radius * Math.sin(turn), y - radius * Math.cos(turn));
  context.stroke();
  context.fillStyle = '#fff';
  context.textAlign = 'center';
  context.textBaseline = 'middle';
  useFont(context, 72, '0123456789.');
  context.fillText(seconds.toFixed(1), x, y);
  useFont(context, 34, name);
  context.fillText(name, x, HEIGHT * 0.9, WIDTH * 0.9);
}

async function encodeVideo(name: string, hue: number): Promise<Buffer[][]> {
  const canvas = createCanvas(WIDTH, HEIGHT);
  const context = canvas.getContext('2d');
  const size = { width: WIDTH, height: HEIGHT, frameRate: FRAME_RATE, bitrateBps: VIDEO_BPS };
  using encoder = await VideoEncoder.open({ codec: 'vp8', ...size });
  using picture = Picture.allocate(WIDTH, HEIGHT);
  using scaler = new Scaler();
  const frames: Buffer[][] = [];
  const rect = { x: 0, y: 0, width: WIDTH, height: HEIGHT };
  for (let index = 0; index < (LOOP_MS * FRAME_RATE) / 1000; index++) {
    paint(context, name, hue, index);
    await scaler.drawRgba(Buffer.from(canvas.data()), rect, picture, rect);
    const isKeyframe = index % KEYFRAME_INTERVAL === 0;
    const encoded = await encoder.encode(picture, (index * 1e6) / FRAME_RATE, isKeyframe);
    for (const { data } of encoded) frames.push(packetizeVp8(data, index));
  }
  return frames;
}

async function encodeAudio(index: number): Promise<Buffer[]> {
  const hertz = BASE_HZ * 2 ** ((index % 12) / 6);
  using opus = await OpusEncoder.open({ channels: 1, bitrateBps: AUDIO_BPS, complexity: 5 });
  return Array.from({ length: LOOP_MS / AUDIO_FRAME_MS }, (_, frame) => {
    const pcm = Float32Array.from({ length: FRAME_SAMPLES }, (_, i) => {
      const at = (frame * FRAME_SAMPLES + i) / 48_000;
      const speaks = Math.floor(at) % TURNS === index % TURNS;
      // Swells and fades within its second, so that nothing clicks.
      return speaks ? 0.2 * Math.sin(Math.PI * (at % 1)) * Math.sin(2 * Math.PI * hertz * at) : 0;
    });
    return Buffer.from(opus.encode(pcm, false));
  });
}

/** @param index of the person: their colour, tone and turn to speak. */
export async function encodeTestPattern(name: string, index: number): Promise<TestPattern> {
  quietFfmpeg();
  // The golden angle keeps neighbours' colours apart, however many there are.
  const hue = (index * 137.5) % 360;
  const [video, audio] = await Promise.all([encodeVideo(name, hue), encodeAudio(index)]);
  return { video, audio };
}
