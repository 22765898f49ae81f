/** The ladder of renditions: made from the canvas, or read from `video.renditions`. */

/** A size and rate that the composite is encoded in. */
export interface RenditionConfig {
  readonly width: number;
  readonly height: number;
  readonly frameRate: number;
  readonly bitrateBps: number;
  /** A slide show: each frame is a still picture. */
  readonly stills?: boolean;
}

interface Canvas {
  readonly width: number;
  readonly height: number;
  readonly frameRate: number;
}

/** Sizes of the renditions of `auto`: the canvas, a half and a quarter of each side. */
const DIVISORS = [1, 2, 4] as const;
/** Their share of the bitrate: 1.8 Mbit/s, 600 and 150 kbit/s by default. */
const BITRATE_SHARES = [1, 1 / 3, 1 / 12] as const;
/** The smallest step of the encoders and the scaler. */
const WIDTH_STEP = 16;
const MIN_WIDTH = 160;
const MIN_HEIGHT = 90;
const MAX_RENDITIONS = 8;
/** How far the ratio of width to height may differ from that of the canvas. */
const SHAPE_TOLERANCE = 0.03;

/** The renditions of `auto`, best first; the smallest has half the frame rate. */
export function renditionLadder(best: RenditionConfig): RenditionConfig[] {
  const ladder: RenditionConfig[] = [];
  for (const [index, divisor] of DIVISORS.entries()) {
    const width = Math.round(best.width / divisor / WIDTH_STEP) * WIDTH_STEP;
    const height = Math.round(best.height / divisor / 2) * 2;
    if (index > 0 && (width < MIN_WIDTH || height < MIN_HEIGHT)) break;
    ladder.push({
      width,
      height,
      frameRate: divisor === 4 ? Math.max(5, best.frameRate / 2) : best.frameRate,
      bitrateBps: Math.max(50_000, Math.round(best.bitrateBps * (BITRATE_SHARES[index] as number))),
    });
  }
  return ladder;
}

/**
 * Reads renditions such as `1280x720@30:1800` (kbit/s), best first.
 * @returns the ladder, or what is wrong with it.
 */
export function parseLadder(
  texts: readonly string[],
  canvas: Canvas,
): { readonly ladder: readonly RenditionConfig[] } | { readonly fault: string } {
  if (texts.length === 0 || texts.length > MAX_RENDITIONS) {
    return { fault: `there must be 1 to ${MAX_RENDITIONS} renditions` };
  }
  const ladder: RenditionConfig[] = [];
  for (const text of texts) {
    const rendition = parseRendition(text);
    const fault = rendition ? faultOf(rendition, canvas, ladder.at(-1)) : 'it cannot be read';
    if (!rendition || fault) return { fault: `${text}: ${fault}` };
    ladder.push(rendition);
  }
  return { ladder };
}

function parseRendition(text: string): RenditionConfig | undefined {
  const match = /^(\d{3,4})x(\d{2,4})@(\d{1,2}):(\d{2,5})$/.exec(text);
  if (!match) return undefined;
  const [, width, height, frameRate, kbps] = match.map(Number) as [
    0,
    number,
    number,
    number,
    number,
  ];
  return { width, height, frameRate, bitrateBps: kbps * 1000 };
}

function faultOf(
  { width, height, frameRate, bitrateBps }: RenditionConfig,
  canvas: Canvas,
  before: RenditionConfig | undefined,
): string | undefined {
  if (width > canvas.width || height > canvas.height || frameRate > canvas.frameRate) {
    return 'it is more than video.width, video.height and video.frameRate';
  }
  if (width < MIN_WIDTH || width % WIDTH_STEP > 0 || height < MIN_HEIGHT || height % 2 > 0) {
    return `the width must be a multiple of ${WIDTH_STEP} from ${MIN_WIDTH}, the height even from ${MIN_HEIGHT}`;
  }
  const shape = (width * canvas.height) / (height * canvas.width);
  if (Math.abs(shape - 1) > SHAPE_TOLERANCE) return 'it has not the shape of the canvas';
  if (frameRate < 1) return 'the frame rate must be at least 1';
  if (before && bitrateBps >= before.bitrateBps) {
    return 'its bitrate must be below that of the rendition before';
  }
  return undefined;
}

/** The slide show for the worst links, in the size of the smallest rendition; none with 0 seconds. */
export function lifelineOf(
  ladder: readonly RenditionConfig[],
  seconds: number,
  bitrateBps: number,
): RenditionConfig[] {
  const smallest = ladder.at(-1);
  if (!smallest || seconds === 0) return [];
  const { width, height } = smallest;
  return [{ width, height, frameRate: 1 / seconds, bitrateBps, stills: true }];
}
