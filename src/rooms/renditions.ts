/** The ladder: the renditions of the composite, and the steps that a receiver goes up and down. */
import { hasTemporalLayers } from '../codecs/codecs.js';
import type { MixSettings, Rendition } from '../link/link-messages.js';
import type { CompositeCodec } from '../protocol/codec-names.js';
import { BASE_LAYER_SHARE, type TemporalLayer } from '../util/units.js';

/** Headers of RTP, SRTP, UDP and IP around 50 audio packets a second, and reports. */
const AUDIO_OVERHEAD_BPS = 32_000;
/** The same for packets of 60 ms. */
const LOW_AUDIO_OVERHEAD_BPS = 11_000;

export const AUDIO_ONLY = 'audio';
export const LIFELINE = 'lifeline';

/** The name that clients use: `1280x720@30`, or `lifeline`. */
export function renditionName({ width, height, frameRate, stills }: Rendition): string {
  return stills ? LIFELINE : `${width}x${height}@${frameRate}`;
}

/** One step of what a receiver may get. */
export interface OutputStep {
  /** Index of the rendition; undefined is audio alone. */
  readonly rendition: number | undefined;
  /** The highest temporal layer that is sent. */
  readonly temporalLayer: TemporalLayer;
  readonly lowAudio: boolean;
  /** Bitrate of audio and video together, packet headers included. */
  readonly needBps: number;
}

/**
 * The steps of one receiver, best first: each rendition at its full frame rate, then at half of it if
 * the codec has temporal layers; at the end audio alone, at the low bitrate.
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
