/**
 * Stage: one codec's encode of the composite in one rendition. Callers may rely on: the first frame is a keyframe,
 * asked-for keyframes come at most one per KEYFRAME_INTERVAL, and none is forgotten.
 */

import type { Rendition, WatchedVideo } from '../link/link-messages.js';
import type { Micros } from '../shared/units.js';
import { Picture } from './ffmpeg/picture.js';
import { Scaler } from './ffmpeg/scaler.js';
import { type EncodedVideo, type VideoContent, VideoEncoder } from './ffmpeg/video-encoder.js';

/** Keyframe requests closer together than this are answered by one keyframe. */
export const KEYFRAME_INTERVAL: Micros = 500_000;
/** A composite that does not change is still sent this often, so that receivers see it is alive. */
export const KEEP_ALIVE_INTERVAL: Micros = 1_000_000;

/** Of a rendition's bitrate: the rest are the headers of RTP, SRTP, UDP and IP. */
const PAYLOAD_SHARE = 0.93;

/** What a canvas is, as far as it matters here. */
export interface CanvasShape {
  readonly width: number;
  readonly height: number;
  readonly frameRate: number;
}

export class CompositeEncoder {
  private readonly scaler = new Scaler();
  private keyframeWanted = true;
  private lastKeyframeAt = Number.NEGATIVE_INFINITY;
  private lastFrameAt = Number.NEGATIVE_INFINITY;
  /** The canvas changed since the last frame, on a tick that this rendition left out. */
  private owed = false;

  private constructor(
    readonly watched: WatchedVideo,
    private encoder: VideoEncoder,
    /** The down-scaled canvas; undefined if the canvas is encoded as it is. */
    private readonly scaled: Picture | undefined,
    /** Least time between two frames, with some slack for ticks that are not quite even. */
    private readonly minInterval: Micros,
  ) {}

  static async open(
    watched: WatchedVideo,
    rendition: Rendition,
    canvas: CanvasShape,
  ): Promise<CompositeEncoder> {
    const { width, height, frameRate } = rendition;
    const bitrateBps = Math.round(rendition.bitrateBps * PAYLOAD_SHARE);
    const encoder = await VideoEncoder.open({ ...rendition, bitrateBps, codec: watched.codec });
    const same = width === canvas.width && height === canvas.height;
    const minInterval = frameRate < canvas.frameRate ? 900_000 / frameRate : 0;
    const scaled = same ? undefined : Picture.allocate(width, height);
    return new CompositeEncoder(watched, encoder, scaled, minInterval);
  }

  /**
   * What most of the canvas is from now on. Another encoder takes over with a keyframe; receivers see
   * one stream.
   */
  async setContent(content: VideoContent): Promise<void> {
    const { options } = this.encoder;
    if ((options.content ?? 'camera') === content) return;
    const next = await VideoEncoder.open({ ...options, content });
    this.encoder[Symbol.dispose]();
    this.encoder = next;
    this.keyframeWanted = true;
    this.lastKeyframeAt = Number.NEGATIVE_INFINITY;
  }

  requestKeyframe(): void {
    this.keyframeWanted = true;
  }

  /** Encodes the canvas if there is a reason to; gives no frames otherwise. */
  async encode(canvas: Picture, now: Micros, changed: boolean): Promise<EncodedVideo[]> {
    const keyframe = this.keyframeWanted && now - this.lastKeyframeAt >= KEYFRAME_INTERVAL;
    this.owed ||= changed;
    const due = this.owed && now - this.lastFrameAt >= this.minInterval;
    if (!due && !keyframe && now - this.lastFrameAt < KEEP_ALIVE_INTERVAL) return [];
    if (keyframe) {
      this.keyframeWanted = false;
      this.lastKeyframeAt = now;
    }
    this.lastFrameAt = now;
    this.owed = false;
    return this.encoder.encode(await this.fitted(canvas), now, keyframe);
  }

  dispose(): void {
    this.encoder[Symbol.dispose]();
    this.scaler[Symbol.dispose]();
    this.scaled?.[Symbol.dispose]();
  }

  private async fitted(canvas: Picture): Promise<Picture> {
    if (!this.scaled) return canvas;
    const whole = ({ width, height }: Picture) => ({ x: 0, y: 0, width, height });
    await this.scaler.scale(canvas, whole(canvas), this.scaled, whole(this.scaled));
    return this.scaled;
  }
}
