/** The ladder: what the composite is encoded in, and the steps that a receiver goes up and down. */
import { hasTemporalLayers } from '../codecs/codecs.js';
import type { MixSettings, Rendition } from '../link/link-messages.js';
import type { CompositeCodec } from '../protocol/codec-names.js';
import { BASE_LAYER_SHARE, type TemporalLayer } from '../util/units.js';

/** RTP, SRTP, UDP and IP around 50 packets of sound a second, and reports. */
const AUDIO_OVERHEAD_BPS = 32_000;
/** Around packets of 60 ms. */
const LOW_AUDIO_OVERHEAD_BPS = 11_000;

export const AUDIO_ONLY = 'audio';
export const LIFELINE = 'lifeline';

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
