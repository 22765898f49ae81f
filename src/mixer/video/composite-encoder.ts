/**
 * Stage: one encode of the composite, in one codec and rendition. Callers may rely on: the first
 * frame is a keyframe, and requests for keyframes are answered as {@link KeyframeBudget} allows;
 * none is forgotten.
 */

import type { VideoContent } from '../../codecs/codec.js';
import { hasTemporalLayers } from '../../codecs/codecs.js';
import { Picture } from '../../codecs/ffmpeg/picture.js';
import { Scaler } from '../../codecs/ffmpeg/scaler.js';
import { VideoEncoder } from '../../codecs/ffmpeg/video-encoder.js';
import type { EncodedFrame } from '../../codecs/packetizer.js';
import type { Rendition, WatchedVideo } from '../../link/link-messages.js';
import type { CompositeCodec } from '../../protocol/codec-names.js';
import type { HardwareEncoder, Micros } from '../../util/units.js';
import { KeyframeBudget, type KeyframeCounters } from './keyframe-budget.js';

/** A composite that does not change is sent this often, so that receivers see it is alive. */
export const KEEP_ALIVE_INTERVAL: Micros = 1_000_000;

/** Share of a rendition's bitrate; the headers of RTP, SRTP, UDP and IP take the rest. */
const PAYLOAD_SHARE = 0.93;

/** What an encoder needs to know of the canvas. */
export interface CanvasShape {
  readonly width: number;
  readonly height: number;
  readonly frameRate: number;
  readonly hardware?: HardwareEncoder | undefined;
}

/**
 * Whether to encode in two temporal layers. Faces lose 0.2 dB by it, text 6 dB: a new page may come
 * with a frame that no other frame is predicted from.
 */
function isLayered(codec: CompositeCodec, { stills }: Rendition, content: VideoContent): boolean {
  return hasTemporalLayers(codec) && !stills && content === 'camera';
}

export class CompositeEncoder {
  private readonly scaler = new Scaler();
  private readonly keyframes: KeyframeBudget;
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
    private readonly rendition: Rendition,
    counters: KeyframeCounters | undefined,
  ) {
    this.keyframes = new KeyframeBudget(rendition.bitrateBps, counters);
  }

  /** @param counters shared with other encoders of the room; own ones if left out. */
  static async open(
    watched: WatchedVideo,
    rendition: Rendition,
    canvas: CanvasShape,
    counters?: KeyframeCounters,
  ): Promise<CompositeEncoder> {
    const { width, height, frameRate } = rendition;
    const bitrateBps = Math.round(rendition.bitrateBps * PAYLOAD_SHARE);
    const { codec } = watched;
    const temporalLayers = isLayered(codec, rendition, 'camera');
    const encoder = await VideoEncoder.open({
      ...rendition,
      bitrateBps,
      codec,
      temporalLayers,
      hardware: canvas.hardware,
    });
    const same = width === canvas.width && height === canvas.height;
    const minInterval = frameRate < canvas.frameRate ? 900_000 / frameRate : 0;
    const scaled = same ? undefined : Picture.allocate(width, height);
    return new CompositeEncoder(watched, encoder, scaled, minInterval, rendition, counters);
  }

  /**
   * Encodes for faces or for text from now on. Another encoder takes over, with a keyframe;
   * receivers see one stream.
   */
  async setContent(content: VideoContent): Promise<void> {
    const { options } = this.encoder;
    if ((options.content ?? 'camera') === content) return;
    const temporalLayers = isLayered(options.codec, this.rendition, content);
    const next = await VideoEncoder.open({ ...options, content, temporalLayers });
    this.encoder[Symbol.dispose]();
    this.encoder = next;
  }

  /** @param urgent the receiver has no picture yet. */
  requestKeyframe(urgent: boolean): void {
    this.keyframes.request(urgent);
  }

  /** Why the hardware is not used; undefined if it is, or was not asked for. */
  get fallback(): string | undefined {
    return this.encoder.fallback;
  }

  get counters(): Readonly<KeyframeCounters> {
    return this.keyframes.counters;
  }

  /**
   * Encodes the canvas if it changed, a keyframe is due, or to keep alive; else gives no frames.
   */
  async encode(canvas: Picture, now: Micros, changed: boolean): Promise<EncodedFrame[]> {
    const { stills } = this.rendition;
    this.owed ||= changed || stills === true;
    const since = now - this.lastFrameAt;
    const due = this.owed && since >= this.minInterval;
    const requested = this.keyframes.isDue(now);
    if (!due && !requested && since < KEEP_ALIVE_INTERVAL) return [];
    if (!due && !requested && stills) return [];
    this.lastFrameAt = now;
    this.owed = false;
    const keyframe = requested || stills === true;
    const frames = await this.encoder.encode(await this.fitted(canvas), now, keyframe);
    if (requested)
      this.keyframes.sent(
        frames.reduce((sum, { data }) => sum + data.length, 0),
        now,
      );
    else if (frames.some((frame) => frame.keyframe)) this.keyframes.made(now);
    return frames;
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
