/** Reads recorded files with Debian's FFmpeg, which is independent of the libraries that wrote them. */
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import type { TileRegion } from '../../src/protocol/layout.js';
import { BARCODE_CELL, BARCODE_TOP, BITS, FRAME_HEIGHT, FRAME_WIDTH } from './fixtures.js';
import { toneDbfs } from './tones.js';

const run = promisify(execFile);
const options = { encoding: 'buffer', maxBuffer: 1 << 30 } as const;

export interface Probed {
  /** Seconds. */
  readonly duration: number;
  readonly tags: Readonly<Record<string, string>>;
  readonly streams: readonly {
    readonly codec_name: string;
    readonly codec_type: string;
    readonly width?: number;
    readonly height?: number;
    readonly start_time: string;
    readonly duration?: string;
  }[];
  readonly chapters: readonly { readonly start_time: string; readonly tags: { title: string } }[];
}

export async function probe(path: string): Promise<Probed> {
  const { stdout } = await run(
    'ffprobe',
    ['-v', 'error', '-of', 'json', '-show_format', '-show_streams', '-show_chapters', path],
    options,
  );
  const { format, streams, chapters } = JSON.parse(stdout.toString());
  return { duration: Number(format.duration), tags: format.tags ?? {}, streams, chapters };
}

/** All complaints of FFmpeg while it decodes the whole file strictly. */
export async function decodeFaults(path: string): Promise<string> {
  const strict = ['-v', 'warning', '-xerror', '-err_detect', 'explode'];
  const sinks = [
    ['-map', '0:v?', '-fps_mode', 'passthrough', '-f', 'rawvideo', '-y', '/dev/null'],
    ['-map', '0:a?', '-f', 's16le', '-y', '/dev/null'],
  ];
  const { streams } = await probe(path);
  const wanted = sinks.filter((_, index) =>
    streams.some(({ codec_type }) => codec_type === (index === 0 ? 'video' : 'audio')),
  );
  const { stderr } = await run('ffmpeg', [...strict, '-i', path, ...wanted.flat()], options).catch(
    (error: { stderr: Buffer }) => error,
  );
  // The sink's clock is coarser than the file's: two frames may have the same tick.
  const lines = stderr.toString().split('\n');
  const known = /^\[rawvideo.* non monotonically|^ *Last message repeated/;
  return lines.filter((line) => !known.test(line)).join('\n');
}

const WIDTH = 320;
const HEIGHT = 180;

export class RecordedFrame {
  constructor(
    /** Seconds. */
    readonly at: number,
    readonly isKeyframe: boolean,
    private readonly rgb: Buffer,
  ) {}

  /** RGB at a point; coordinates are fractions of the picture. */
  colourAt(x: number, y: number): [number, number, number] {
    const at = (Math.floor(y * HEIGHT) * WIDTH + Math.floor(x * WIDTH)) * 3;
    return [this.rgb[at] ?? 0, this.rgb[at + 1] ?? 0, this.rgb[at + 2] ?? 0];
  }

  /** The frame number in the barcode of a tile that crops a camera's picture to fill; -1 if unclear. */
  barcodeAt({ x, y, width, height }: Pick<TileRegion, 'x' | 'y' | 'width' | 'height'>): number {
    const [w, h] = [width * WIDTH, height * HEIGHT];
    const scale = Math.max(w / FRAME_WIDTH, h / FRAME_HEIGHT);
    let gray = 0;
    for (let bit = 0; bit < BITS; bit++) {
      const fromMiddle = (bit + 0.5 - BITS / 2) * BARCODE_CELL * scale;
      const row = (BARCODE_TOP + BARCODE_CELL / 2 - FRAME_HEIGHT / 2) * scale;
      const [red, green, blue] = this.colourAt(
        x + width / 2 + fromMiddle / WIDTH,
        y + height / 2 + row / HEIGHT,
      );
      const luma = (red + green + blue) / 3;
      if (luma > 90 && luma < 165) return -1;
      if (luma >= 165) gray |= 1 << bit;
    }
    let value = 0;
    for (let rest = gray; rest; rest >>= 1) value ^= rest;
    return value;
  }
}

/** All video frames of a file, scaled down. */
export async function framesOf(path: string): Promise<RecordedFrame[]> {
  const times = await run(
    'ffprobe',
    [
      '-v',
      'error',
      '-select_streams',
      'v:0',
      '-show_entries',
      'frame=pts_time,key_frame',
      '-of',
      'json',
      path,
    ],
    options,
  );
  const scale = `scale=${WIDTH}:${HEIGHT}:flags=area`;
  const pixels = await run(
    'ffmpeg',
    [
      '-v',
      'error',
      '-i',
      path,
      '-vf',
      scale,
      '-fps_mode',
      'passthrough',
      '-f',
      'rawvideo',
      '-pix_fmt',
      'rgb24',
      '-',
    ],
    options,
  );
  const size = WIDTH * HEIGHT * 3;
  const frames: { pts_time: string; key_frame: number }[] = JSON.parse(
    times.stdout.toString(),
  ).frames;
  return frames.map(({ pts_time, key_frame }, index) => {
    const rgb = pixels.stdout.subarray(index * size, (index + 1) * size);
    return new RecordedFrame(Number(pts_time), key_frame === 1, rgb);
  });
}

const RATE = 48_000;

export class RecordedSound {
  constructor(readonly pcm: Float32Array) {}

  get seconds(): number {
    return this.pcm.length / RATE;
  }

  /** Level of a tone between two times in seconds, in dBFS of its peak. */
  tone(frequency: number, from: number, to: number): number {
    return toneDbfs(this.pcm.subarray(Math.round(from * RATE), Math.round(to * RATE)), frequency);
  }

  /** Start times of beeps in seconds: above a level after at least 0.1 s below it. */
  beeps(level = 0.1): number[] {
    const found: number[] = [];
    let last = Number.NEGATIVE_INFINITY;
    for (let i = 0; i < this.pcm.length; i++) {
      if (Math.abs(this.pcm[i] as number) < level) continue;
      if (i - last > RATE / 10) found.push(i / RATE);
      last = i;
    }
    return found;
  }
}

/** The audio of a file as mono, with the file's times. */
export async function soundOf(path: string): Promise<RecordedSound> {
  const { stdout } = await run(
    'ffmpeg',
    [
      '-v',
      'error',
      '-i',
      path,
      '-vn',
      '-af',
      'aresample=async=1:first_pts=0',
      '-ac',
      '1',
      '-ar',
      String(RATE),
      '-f',
      'f32le',
      '-',
    ],
    options,
  );
  const bytes = stdout.buffer.slice(stdout.byteOffset, stdout.byteOffset + stdout.length);
  return new RecordedSound(new Float32Array(bytes));
}
