/**
 * What people use instead, each with the same 16 inputs of 640x360, the same size and rate out, in real
 * time: an ffmpeg process for each participant with raw pipes between, a GStreamer pipeline, a browser
 * under Xvfb that is captured, as browser-based recorders do; and for sound Debian's Janus.
 */
import { type ChildProcess, execFileSync, spawn, spawnSync } from 'node:child_process';
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { sleep } from '../../test/support/server.js';
import { CANVAS, tilesOf } from '../barcode.js';
import { ivfFile } from '../fixtures.js';
import { measureCost, SETTLE_MS, soundMissing, withCall } from './call.js';
import { FFMPEG_ENCODERS, xstackGraph } from './codec-floor.js';
import { janusCost } from './janus.js';
import { treeCpuSeconds } from './process-cpu.js';
import { type Bench, percent, type Row } from './report.js';

const COUNT = 16;
const SOUND_COUNT = 50;
const LOOPS = 16;
const WARM_UP_MS = 6000;
const MEASURE_SECONDS = 10;
const SOUND_SECONDS = 60;
const DISPLAY = ':87';
const FOLDER = join(tmpdir(), `tessera-bench-${process.pid}`);

interface Inputs {
  /** Paths. */
  readonly video: string;
  readonly sound: string;
}

/** CPU of some processes, once they have settled. */
async function costOf(children: readonly ChildProcess[]): Promise<number> {
  const pids = children.map(({ pid }) => pid as number);
  const cpu = () => pids.reduce((sum, pid) => sum + treeCpuSeconds(pid), 0);
  try {
    await sleep(WARM_UP_MS);
    const [before, at] = [cpu(), performance.now()];
    await sleep(MEASURE_SECONDS * 1000);
    const cost = (cpu() - before) / ((performance.now() - at) / 1000);
    const dead = children.find(({ exitCode }) => exitCode !== null);
    if (dead) throw new Error(`${dead.spawnargs.slice(0, 3).join(' ')} ended`);
    return cost;
  } finally {
    for (const child of children) child.kill('SIGKILL');
  }
}

/** @throws Error that says what to install. */
function requirePrograms(): void {
  const programs = ['ffmpeg', 'gst-launch-1.0', 'Xvfb', 'chromium', 'janus'];
  const missing = programs.filter((name) => spawnSync('which', [name]).status !== 0);
  if (missing.length === 0) return;
  const packages =
    'ffmpeg xvfb chromium janus gstreamer1.0-tools gstreamer1.0-plugins-{base,good,bad,ugly}';
  throw new Error(`${missing.join(', ')} is missing: apt-get install ${packages}`);
}

const run = (command: string, args: readonly string[], env: Record<string, string> = {}) =>
  spawn(command, args, { stdio: 'ignore', env: { ...process.env, ...env } });
const QUIET = ['-hide_banner', '-nostdin', '-loglevel', 'error'];
const ENCODE = [...FFMPEG_ENCODERS.h264.split(' '), '-b:v', '1675k', '-f', 'null', '-'];

/** Sound for programs that read files. */
function soundFile(): string {
  const path = join(FOLDER, 'sound.ogg');
  const tone = ['-f', 'lavfi', '-i', `sine=frequency=300:duration=${SOUND_SECONDS}`];
  execFileSync('ffmpeg', [
    ...QUIET,
    ...tone,
    '-ar',
    '48000',
    '-c:a',
    'libopus',
    '-b:a',
    '32k',
    path,
  ]);
  return path;
}

/** One ffmpeg that decodes for each participant, and one that reads what they made, raw, from pipes. */
async function ffmpegProcesses({ video, sound }: Inputs): Promise<number> {
  const pipes = Array.from({ length: COUNT }, (_, i) => join(FOLDER, `pipe-${i}`));
  execFileSync('mkfifo', pipes);
  // One pipe for both: with two, either end waits for the other to open the second.
  const raw = ['-c:v', 'rawvideo', '-pix_fmt', 'yuv420p', '-c:a', 'pcm_s16le', '-f', 'nut'];
  const decoders = pipes.map((pipe) =>
    run('ffmpeg', [
      ...[...QUIET, '-y', '-re', '-threads', '1', '-i', video, '-re', '-i', sound],
      ...['-map', '0:v', '-map', '1:a', ...raw, pipe],
    ]),
  );
  const inputs = pipes.flatMap((pipe) => ['-thread_queue_size', '64', '-i', pipe]);
  const voices = pipes.map((_, i) => `[${i}:a]`).join('');
  const graph = `${xstackGraph(COUNT)};${voices}amix=inputs=${COUNT}[mix]`;
  const maps = ['-filter_complex', graph, '-map', '[out]', '-map', '[mix]'];
  const mixer = run('ffmpeg', [
    ...[...QUIET, ...inputs, ...maps, '-c:a', 'libopus', '-b:a', '48k', ...ENCODE],
  ]);
  return costOf([...decoders, mixer]);
}

/** GStreamer's compositor, which scales, and audiomixer; its encoders with the same options. */
async function gstreamer({ video: file, sound }: Inputs): Promise<number> {
  const tiles = tilesOf(COUNT);
  const pads = tiles.flatMap(({ x, y, width, height }, i) =>
    Object.entries({ xpos: x, ypos: y, width, height }).map(
      ([name, value]) => `sink_${i}::${name}=${value}`,
    ),
  );
  const video = tiles.map(
    (_, i) => `filesrc location=${file} ! ivfparse ! vp8dec threads=1 ! queue ! mix.sink_${i}`,
  );
  const audio = tiles.map(() => `filesrc location=${sound} ! oggdemux ! opusdec ! queue ! amix.`);
  const x264 =
    'x264enc speed-preset=ultrafast tune=zerolatency bitrate=1675 threads=1 key-int-max=100000';
  const pipeline = [
    `compositor name=mix background=black ${pads.join(' ')}`,
    `! video/x-raw,width=${CANVAS.width},height=${CANVAS.height},framerate=30/1 ! ${x264} ! fakesink sync=true`,
    ...video,
    'audiomixer name=amix ! opusenc bitrate=48000 ! fakesink sync=true',
    ...audio,
  ].join(' ');
  return costOf([run('gst-launch-1.0', ['-q', ...pipeline.split(/\s+/)])]);
}

/** A browser that plays the inputs on one page, and an ffmpeg that captures its screen. */
async function browser({ video: file }: Inputs): Promise<number> {
  const webm = join(FOLDER, 'input.webm');
  execFileSync('ffmpeg', [...QUIET, '-i', file, '-c', 'copy', webm]);
  const videos = tilesOf(COUNT).map(
    ({ x, y, width, height }) =>
      `<video src="input.webm" autoplay muted loop style="left:${x}px;top:${y}px;width:${width}px;height:${height}px"></video>`,
  );
  const style = 'body{margin:0;background:#000}video{position:absolute;object-fit:cover}';
  writeFileSync(join(FOLDER, 'page.html'), `<style>${style}</style>${videos.join('')}`);
  const size = `${CANVAS.width}x${CANVAS.height}`;
  const xvfb = run('Xvfb', [DISPLAY, '-screen', '0', `${size}x24`, '-nolisten', 'tcp']);
  await sleep(1500);
  const chromium = run(
    'chromium',
    [
      ...['--no-sandbox', '--kiosk', '--no-first-run', '--disable-gpu', '--disable-sync'],
      ...[
        '--disable-background-networking',
        '--disable-component-update',
        '--allow-file-access-from-files',
      ],
      ...[
        '--autoplay-policy=no-user-gesture-required',
        `--user-data-dir=${join(FOLDER, 'profile')}`,
      ],
      ...[`--window-size=${CANVAS.width},${CANVAS.height}`, `file://${join(FOLDER, 'page.html')}`],
    ],
    { DISPLAY },
  );
  await sleep(4000);
  const grab = ['-f', 'x11grab', '-framerate', '30', '-video_size', size, '-i', DISPLAY];
  const capture = run('ffmpeg', [...QUIET, ...grab, '-pix_fmt', 'yuv420p', ...ENCODE]);
  return costOf([xvfb, chromium, capture]);
}

/** Tessera with the same inputs; the sound of all is mixed too. */
async function tessera(): Promise<number> {
  return withCall(async (call) => {
    await call.grow(COUNT, { layers: ['m'], receives: false });
    await call.grow(1, { layers: [], sound: false });
    await sleep(SETTLE_MS);
    return (await measureCost(call, MEASURE_SECONDS)).server;
  });
}

async function tesseraSound(count: number): Promise<{ cores: number; missing: number }> {
  return withCall(async (call) => {
    await call.grow(count, { layers: [], soundOnly: true });
    await sleep(4000);
    const cost = await measureCost(call, MEASURE_SECONDS);
    return { cores: cost.server, missing: soundMissing(cost) };
  });
}

const ALTERNATIVES = {
  'an ffmpeg for each participant, raw pipes': ffmpegProcesses,
  "GStreamer's compositor and audiomixer": gstreamer,
  'Chromium under Xvfb, x11grab and x264': browser,
} as const;

export const benchAlternatives: Bench = async () => {
  requirePrograms();
  const rows: Row[] = [];
  mkdirSync(FOLDER, { recursive: true });
  const command = 'alternatives';
  try {
    const inputs = { video: await ivfFile('m', LOOPS), sound: soundFile() };
    for (const [name, measure] of Object.entries(ALTERNATIVES)) {
      const other = await measure(inputs);
      const own = await tessera();
      const what = `${COUNT} of 640x360 to 1280x720 in H.264, real time, against ${name}`;
      const [measured, against] = [percent(own), percent(other)];
      rows.push({ what, measured, against, ratio: own / other, goal: '< 1', command });
      console.error(rows.at(-1));
    }
    const janus = await janusCost(SOUND_COUNT, MEASURE_SECONDS);
    const own = await tesseraSound(SOUND_COUNT);
    rows.push({
      what: `${SOUND_COUNT} people with sound alone, against Janus AudioBridge`,
      measured: `${percent(own.cores)}, ${(own.missing * 100).toFixed(2)} % missing`,
      against: `${percent(janus.cores)}, ${janus.packetsPerSecond.toFixed(0)} packets/s each`,
      ratio: own.cores / janus.cores,
      goal: '< 1',
      command,
    });
    console.error(rows.at(-1));
  } finally {
    rmSync(FOLDER, { recursive: true, force: true });
  }
  return rows;
};
