/**
 * Stages of the media process at whose boundary an error is caught, so that it stays with the source
 * or the output that it is about. The names are those of `tessera_source_errors_total{stage}`.
 */
export const FAULT_STAGES = [
  /** Taking frames of a source off the link. */
  'receive',
  'video_decode',
  /** Choosing which picture is due. */
  'video_timing',
  /** Cropping, scaling, turning, converting and drawing a picture into its tile. */
  'tile_draw',
  /** The tile of a source without a picture: disc, initials, avatar. */
  'placeholder',
  /** Name and marks over a tile. */
  'label',
  'audio_decode',
  /** Levels, gate, loudness and the sum. */
  'audio_mix',
  /** The mix of one listener. */
  'audio_encode',
  /** Of one codec and rendition. */
  'video_encode',
  /** One canvas as a whole: plan, backdrop, overlays that cover it. */
  'canvas',
  /** Title, clock, logo, watermark, recording mark. */
  'overlay',
  /** Avatars, logos and backdrops. */
  'image',
  'announcement',
  /** A command of the server. */
  'command',
  /** A tick as a whole. */
  'tick',
] as const;

export type FaultStage = (typeof FAULT_STAGES)[number];

/** Errors that were caught, by stage. The names are those of `/stats`. */
export type FaultCounters = { readonly [Stage in FaultStage as `source_errors_${Stage}`]: number };

export function faultCounters(countOf: (stage: FaultStage) => number): FaultCounters {
  const entries = FAULT_STAGES.map((stage) => [`source_errors_${stage}`, countOf(stage)]);
  return Object.fromEntries(entries) as FaultCounters;
}

export interface FaultReport {
  /** 0 if the fault is about no source in particular. */
  readonly source: number;
  readonly stage: FaultStage;
  /** Message and stack of the latest error. */
  readonly message: string;
  /** Errors of this source since its last report. */
  readonly count: number;
}
