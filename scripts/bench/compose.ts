/**
 * What labels, marks, borders, title, clock, recording mark, logo and watermark cost: composing tiles with
 * all of them against bare scaling into the canvas, in CPU time per frame. `npm run bench:compose`; prints the rows of the table in docs/benchmarks.md.
 */
import { createCanvas } from '@napi-rs/canvas';
import { Picture } from '../../src/codecs/ffmpeg/picture.js';
import { Faults } from '../../src/mixer/faults.js';
import { LayoutPlanner } from '../../src/mixer/layout/layout-planner.js';
import type { Overlay } from '../../src/mixer/tiles/overlay.js';
import { RoomImages } from '../../src/mixer/tiles/room-images.js';
import { RoomOverlays } from '../../src/mixer/tiles/room-overlays.js';
import type { TileContent } from '../../src/mixer/tiles/tile-content.js';
import { Compositor } from '../../src/mixer/video/compositor.js';

const SOURCE = { width: 640, height: 360 };
const CANVAS = { width: 1280, height: 720, frameRate: 30 };
const FRAMES = 240;
/** The two are measured in turns, so that what else the machine does meets both. */
const ROUNDS = 9;

const settings = (labels: boolean) => ({
  ...CANVAS,
  renditions: [],
  hardware: undefined,
  audioChannels: 1 as const,
  audioBitrateBps: 48_000,
  lowAudioBitrateBps: 16_000,
  fit: 'crop' as const,
  labels,
  maxSpeakers: 8,
  levelling: false,
  noiseGate: false,
  stereoPlacement: false,
  pixelRates: { source: 140e6, room: 600e6 },
  loadControl: false,
});

const faults = new Faults(
  {
    caught: (_source, stage) => {
      throw new Error(`an error in ${stage}`);
    },
    fault: () => {},
    recovered: () => {},
  },
  () => 0,
);

function contentsOf(pictures: readonly Picture[], generation: number): TileContent[] {
  return pictures.map((picture, index) => ({
    id: index + 1,
    label: {
      name: `Participant ${index + 1}`,
      muted: index % 2 === 0,
      trouble: index % 5 === 0,
      screen: false,
    },
    speaking: index % 4 === 0,
    picture,
    generation,
    avatar: undefined,
  }));
}

/** A disc with its surroundings transparent, as logos are. */
function drawLogo(): Buffer {
  const canvas = createCanvas(200, 200);
  const context = canvas.getContext('2d');
  context.fillStyle = '#3d7bff';
  context.arc(100, 100, 90, 0, 2 * Math.PI);
  context.fill();
  return canvas.toBuffer('image/png');
}

async function overlaysOf(): Promise<readonly Overlay[]> {
  const images = new RoomImages();
  await images.set('room/logo', drawLogo());
  const overlays = new RoomOverlays(CANVAS, images, faults);
  overlays.set({
    title: 'A room with a title',
    clock: { timeZone: 'Europe/Berlin' },
    recording: true,
    logo: { image: 'logo', corner: 'bottom-right', height: 0.1 },
    watermark: { image: 'logo', opacity: 0.2, height: 0.1 },
  });
  return overlays.at(Date.now());
}

/** CPU microseconds per frame. */
async function measure(count: number, labels: boolean): Promise<number> {
  const compositor = new Compositor(settings(labels), faults);
  if (labels) compositor.setOverlays(await overlaysOf());
  const pictures = Array.from({ length: count }, (_, index) => {
    const picture = Picture.allocate(SOURCE.width, SOURCE.height);
    picture.fill({ x: 0, y: 0, ...SOURCE }, [40 + index * 3, 100, 160]);
    return picture;
  });
  const sources = pictures.map((_, index) => ({
    id: index + 1,
    kind: 'camera' as const,
    identity: `${index}`,
  }));
  const layout = { mode: 'grid', pinned: [] } as const;
  const planner = new LayoutPlanner({ ...CANVAS, gap: 8 });
  const placements = planner.plan({ sources, dominant: undefined, layout, now: 0 });
  await compositor.draw(contentsOf(pictures, 0), placements);
  const before = process.cpuUsage();
  for (let frame = 1; frame <= FRAMES; frame++) {
    await compositor.draw(contentsOf(pictures, frame), placements);
  }
  const { user, system } = process.cpuUsage(before);
  for (const picture of pictures) picture[Symbol.dispose]();
  compositor.dispose();
  return (user + system) / FRAMES;
}

const median = (values: readonly number[]) =>
  [...values].sort((a, b) => a - b)[values.length >> 1] as number;

console.log('| tiles of 640x360 | bare | with all overlays | ratio |');
console.log('| --- | --- | --- | --- |');
for (const count of [16, 49]) {
  const bare: number[] = [];
  const labelled: number[] = [];
  for (let round = 0; round < ROUNDS; round++) {
    bare.push(await measure(count, false));
    labelled.push(await measure(count, true));
  }
  const ms = (values: readonly number[]) => `${(median(values) / 1000).toFixed(2)} ms`;
  const ratio = (median(labelled) / median(bare)).toFixed(2);
  console.log(`| ${count} | ${ms(bare)} | ${ms(labelled)} | ${ratio} |`);
}
