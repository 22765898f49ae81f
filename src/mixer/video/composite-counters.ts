/** Counters of a room's composites. They stay when an encoder or a canvas is closed. */
import type { CompositeCodec } from '../../protocol/codec-names.js';
import { type KeyframeCounters, keyframeCounters } from './keyframe-budget.js';

/** What was encoded in one codec and rendition. */
export interface EncodeCounters {
  readonly codec: CompositeCodec;
  /**
   * Index into the settings' renditions; beyond them, renditions that are made for one receiver.
   */
  readonly rendition: number;
  frames: number;
  keyframes: number;
  bytes: number;
}

export interface CanvasCounters {
  /** Tiles that kept their picture because there was no time for them. */
  video_tiles_late: number;
  /** Encoders that were opened in software because the hardware failed. */
  video_hardware_fallbacks: number;
}

export interface CompositeSnapshot {
  readonly canvases: Readonly<CanvasCounters>;
  readonly keyframes: Readonly<KeyframeCounters>;
  readonly encodes: readonly Readonly<EncodeCounters>[];
}

export class CompositeCounters {
  readonly canvases: CanvasCounters = { video_tiles_late: 0, video_hardware_fallbacks: 0 };
  readonly keyframes = keyframeCounters();
  private readonly encodes: EncodeCounters[] = [];

  /** The counters of one codec and rendition, to be kept by its encoder. */
  encodesOf(codec: CompositeCodec, rendition: number): EncodeCounters {
    const known = this.encodes.find((one) => one.codec === codec && one.rendition === rendition);
    if (known) return known;
    const counters = { codec, rendition, frames: 0, keyframes: 0, bytes: 0 };
    this.encodes.push(counters);
    return counters;
  }

  snapshot(): CompositeSnapshot {
    return {
      canvases: { ...this.canvases },
      keyframes: { ...this.keyframes },
      encodes: this.encodes.map((counters) => ({ ...counters })),
    };
  }
}
