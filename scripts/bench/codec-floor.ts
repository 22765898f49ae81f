/**
 * The floor of what a composite costs: the ffmpeg program doing nothing but the codecs' work, offline:
 * decode, scale, xstack and encode, with the encoder options of the server.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { CANVAS, tilesOf } from '../barcode.js';
import { FRAME_RATE, ivfFile, type LayerName } from '../fixtures.js';

/** Loops of the content in a file; enough for what is measured at once. */
const LOOPS = 4;

/** Encoders of the composite as the server has them. */
export const FFMPEG_ENCODERS = {
  h264: '-c:v libx264 -preset ultrafast -tune zerolatency -profile:v baseline -x264-params keyint=infinite:scenecut=0:sliced-threads=0 -threads 1',
  vp8: '-c:v libvpx -deadline realtime -cpu-used 8 -lag-in-frames 0 -static-thresh 1 -threads 1',
} as const;

/** `count` scaled inputs in the server's grid, as a filter graph that ends in `[out]`. */
export function xstackGraph(count: number, rate = ''): string {
  const tiles = tilesOf(count);
  const size = `w=${CANVAS.width}:h=${CANVAS.height}`;
  if (count === 1) return `[0:v]${rate}scale=${size}:flags=bilinear[out]`;
  const scaled = tiles.map(
    ({ width, height }, i) => `[${i}:v]${rate}scale=w=${width}:h=${height}:flags=bilinear[t${i}]`,
  );
  const inputs = tiles.map((_, i) => `[t${i}]`).join('');
  const layout = tiles.map(({ x, y }) => `${x}_${y}`).join('|');
  const stack = `${inputs}xstack=inputs=${count}:layout=${layout}:fill=black[s]`;
  return [...scaled, stack, `[s]pad=${size}[out]`].join(';');
}

/** CPU seconds that a command used, with all that it started. */
export async function commandCpuSeconds(command: string, args: readonly string[]): Promise<number> {
  // bash's `times` tells the CPU of its children.
  const script = `"$0" "$@" >/dev/null 2>&1 || exit 1; times`;
  const child = spawn('bash', ['-c', script, command, ...args], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let text = '';
  child.stdout.on('data', (chunk: Buffer) => {
    text += chunk.toString();
  });
  const [code] = (await once(child, 'close')) as [number];
  if (code !== 0) throw new Error(`${command} failed`);
  const times = text.trim().split('\n')[1]?.split(' ') ?? [];
  return times.reduce((sum, time) => {
    const [, minutes, seconds] = /(\d+)m([\d.,]+)s/.exec(time) ?? [];
    return sum + Number(minutes) * 60 + Number(seconds?.replace(',', '.'));
  }, 0);
}

/** CPU seconds for a second of media. */
export async function codecFloor(
  count: number,
  layer: LayerName,
  codec: 'vp8' | 'h264',
  seconds: number,
): Promise<number> {
  const file = await ivfFile(layer, LOOPS);
  const inputs = Array.from({ length: count }, () => ['-threads', '1', '-i', file]).flat();
  const args = [
    ...['-hide_banner', '-nostdin', '-filter_complex_threads', '1'],
    ...inputs,
    ...['-filter_complex', xstackGraph(count), '-map', '[out]'],
    ...FFMPEG_ENCODERS[codec].split(' '),
    ...['-b:v', '1675k', '-maxrate', '1675k', '-bufsize', '1675k', '-g', '1000000'],
    ...['-r', `${FRAME_RATE}`, '-t', `${seconds}`, '-f', 'null', '-'],
  ];
  return (await commandCpuSeconds('ffmpeg', args)) / seconds;
}
