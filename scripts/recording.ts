/** The recorded media of the benches: real encodings of moving, noisy content, made once. */
import { Picture } from '../src/media/ffmpeg/picture.js';
import { VideoEncoder } from '../src/media/ffmpeg/video-encoder.js';
import { FRAME_SAMPLES, OpusEncoder } from '../src/media/opus/opus.js';
import { packetizeVp8 } from '../src/send/vp8-packetizer.js';

export const FRAME_MICROS = 1_000_000 / 30;
const WIDTH = 640;
const HEIGHT = 360;
/** Frames in the loop: numbered by a barcode of six Gray-coded cells at the bottom. */
export const LOOP_FRAMES = 64;
export const BARCODE = { bits: 6, cell: 48, left: (WIDTH - 6 * 48) / 2, top: 280, WIDTH, HEIGHT };

export interface Recording {
  /** RTP payloads per frame. */
  readonly video: readonly Buffer[][];
  readonly audio: readonly Buffer[];
}

function paint(picture: Picture, index: number): void {
  const [luma, u, v] = picture.planes as [Buffer, Buffer, Buffer];
  const [stride, chromaStride] = picture.strides as [number, number];
  let noise = 12_345 + index;
  for (let y = 0; y < HEIGHT; y++) {
    for (let x = 0; x < WIDTH; x++) {
      noise = (Math.imul(noise, 1_103_515_245) + 12_345) | 0;
      const wave = 100 + 50 * Math.sin((x + index * 4) / 37) + 30 * Math.cos((y - index * 3) / 23);
      luma[y * stride + x] = wave + ((noise >>> 16) & 7);
    }
  }
  for (let y = 0; y < HEIGHT / 2; y++) {
    u.fill(110 + ((y + index) % 40), y * chromaStride, y * chromaStride + WIDTH / 2);
    v.fill(150 - ((y + index * 2) % 40), y * chromaStride, y * chromaStride + WIDTH / 2);
  }
  const code = index ^ (index >> 1);
  for (let bit = 0; bit < BARCODE.bits; bit++) {
    const x = BARCODE.left + bit * BARCODE.cell;
    const rect = { x, y: BARCODE.top, width: BARCODE.cell, height: BARCODE.cell };
    picture.fill(rect, [(code >> bit) & 1 ? 235 : 16, 128, 128]);
  }
}

export async function loadRecording(): Promise<Recording> {
  const size = { width: WIDTH, height: HEIGHT, frameRate: 30, bitrateBps: 600_000 };
  using encoder = await VideoEncoder.open({ codec: 'vp8', ...size });
  using picture = Picture.allocate(WIDTH, HEIGHT);
  const video: Buffer[][] = [];
  for (let index = 0; index < LOOP_FRAMES; index++) {
    paint(picture, index);
    for (const { data } of await encoder.encode(picture, index * FRAME_MICROS, index === 0)) {
      video.push(packetizeVp8(data, index));
    }
  }
  using opus = await OpusEncoder.open({ channels: 1, bitrateBps: 32_000, complexity: 5 });
  const audio = Array.from({ length: 100 }, (_, frame) => {
    const pcm = Float32Array.from({ length: FRAME_SAMPLES }, (_, i) => {
      const at = (frame * FRAME_SAMPLES + i) / 48_000;
      return 0.1 * Math.sin(2 * Math.PI * 220 * at) * (1 + Math.sin(2 * Math.PI * 3 * at));
    });
    return Buffer.from(opus.encode(pcm, false));
  });
  return { video, audio };
}
