/** The ladder: what the composite is encoded in, and the steps that a receiver goes up and down. */
import { hasTemporalLayers } from '../codecs/codecs.js';
import { TesseraError } from '../errors.js';
import type { MixSettings, Rendition } from '../link/link-messages.js';
import { BASE_LAYER_SHARE, type CompositeCodec, type TemporalLayer } from '../util/units.js';

/** Sizes of the smaller renditions against the first: a half and a quarter of each side. */
const DIVISORS = [1, 2, 4] as const;
/** Their share of its bitrate: 1.8 Mbit/s, 600 and 150 kbit/s. */
const BITRATE_SHARES = [1, 1 / 3, 1 / 12] as const;
/** The encoders' and the scaler's smallest step. */
const WIDTH_STEP = 16;
const MIN_WIDTH = 160;
const MIN_HEIGHT = 90;
const MAX_RENDITIONS = 8;
/** Of width to height, against the canvas's. */
const SHAPE_TOLERANCE = 0.03;

/** RTP, SRTP, UDP and IP around 50 packets of sound a second, and reports. */
const AUDIO_OVERHEAD_BPS = 32_000;
/** Around packets of 60 ms. */
const LOW_AUDIO_OVERHEAD_BPS = 11_000;

export const AUDIO_ONLY = 'audio';
export const LIFELINE = 'lifeline';

interface Canvas {
  readonly width: number;
  readonly height: number;
  readonly frameRate: number;
}

/** The renditions of a composite, best first; the smallest at half the frame rate. */
export function renditionLadder(best: Rendition): Rendition[] {
  const ladder: Rendition[] = [];
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
 * A ladder as it stands in the settings: `1280x720@30:1800,640x360@30:600`, in kbit/s, best first.
 * @throws TesseraError `bad_config`.
 */
export function parseLadder(texts: readonly string[], canvas: Canvas): Rendition[] {
  const fault = (text: string, why: string) =>
    new TesseraError('bad_config', `video.renditions: ${text}: ${why}`, {
      next: 'Write WIDTHxHEIGHT@FRAMES:KBITS, best first, or leave it at auto.',
    });
  if (texts.length === 0 || texts.length > MAX_RENDITIONS) {
    throw fault(texts.join(), `1 to ${MAX_RENDITIONS} renditions`);
  }
  const ladder: Rendition[] = [];
  for (const text of texts) {
    const [, ...parts] = /^(\d{3,4})x(\d{2,4})@(\d{1,2}):(\d{2,5})$/.exec(text) ?? [];
    if (parts.length === 0) throw fault(text, 'cannot be read');
    const [width, height, frameRate, kbps] = parts.map(Number) as [number, number, number, number];
    const shape = (width * canvas.height) / (height * canvas.width);
    if (width > canvas.width || height > canvas.height || frameRate > canvas.frameRate) {
      throw fault(text, 'more than video.width, video.height and video.frameRate');
    }
    if (width < MIN_WIDTH || width % WIDTH_STEP > 0 || height < MIN_HEIGHT || height % 2 > 0) {
      throw fault(text, `the width must be a multiple of ${WIDTH_STEP}, the height even`);
    }
    if (Math.abs(shape - 1) > SHAPE_TOLERANCE) throw fault(text, 'not of the shape of the canvas');
    const bitrateBps = kbps * 1000;
    const before = ladder.at(-1);
    if (frameRate < 1 || (before && bitrateBps >= before.bitrateBps)) {
      throw fault(text, 'its bitrate must be below that of the one before');
    }
    ladder.push({ width, height, frameRate, bitrateBps });
  }
  return ladder;
}

/** The smallest rendition's size as a slide show. */
export function lifelineOf(
  ladder: readonly Rendition[],
  seconds: number,
  bps: number,
): Rendition[] {
  const smallest = ladder.at(-1);
  if (!smallest || seconds === 0) return [];
  const { width, height } = smallest;
  return [{ width, height, frameRate: 1 / seconds, bitrateBps: bps, stills: true }];
}

/** As clients name it: `1280x720@30`, or `lifeline`. */
export function renditionName({ width, height, frameRate, stills }: Rendition): string {
  return stills ? LIFELINE : `${width}x${height}@${frameRate}`;
}

/** What a receiver may get, one worse than the other. */
export interface OutputStep {
  /** Index of the rendition; undefined is sound alone. */
  readonly rendition: number | undefined;
  /** The highest layer that is sent. */
  readonly temporalLayer: TemporalLayer;
  readonly lowAudio: boolean;
  /** Of all that is sent, packet headers included. */
  readonly needBps: number;
}

/**
 * The steps of one receiver, best first: each rendition whole, then at half its frame rate where the
 * codec has layers; in the end sound alone, at the low bitrate.
 */
export function outputSteps(
  settings: MixSettings,
  codec: CompositeCodec | undefined,
): OutputStep[] {
  const full = settings.audioBitrateBps + AUDIO_OVERHEAD_BPS;
  const low = settings.lowAudioBitrateBps + LOW_AUDIO_OVERHEAD_BPS;
  const steps: OutputStep[] = [];
  if (codec) {
    for (const [rendition, { bitrateBps, stills = false }] of settings.renditions.entries()) {
      const layers = hasTemporalLayers(codec) && !stills;
      const needBps = bitrateBps + (stills ? low : full);
      steps.push({ rendition, temporalLayer: layers ? 1 : 0, lowAudio: stills, needBps });
      if (!layers) continue;
      const base = BASE_LAYER_SHARE * bitrateBps + full;
      steps.push({ rendition, temporalLayer: 0, lowAudio: false, needBps: base });
    }
  }
  return [...steps, { rendition: undefined, temporalLayer: 0, lowAudio: true, needBps: low }];
}
