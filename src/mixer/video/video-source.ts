/**
 * Stage: one source's video, from encoded frames to the newest picture that is due. Times are
 * monotonic microseconds. Callers may rely on: nothing here blocks the tick, encoded frames and
 * pictures that wait are bounded, and every dropped frame is counted.
 */

import { UPLINK_VIDEO } from '../../codecs/codecs.js';
import { colourSpaceOf } from '../../codecs/ffmpeg/colour-space-of.js';
import type { Picture } from '../../codecs/ffmpeg/picture.js';
import { VideoDecoder } from '../../codecs/ffmpeg/video-decoder.js';
import type { VideoInFrame } from '../../link/link-messages.js';
import { uprightSize } from '../../rtp/rotation.js';
import { Backoff } from '../../util/backoff.js';
import type { FrameSize } from '../../util/frame-size.js';
import type { Micros } from '../../util/units.js';
import { DecoderSavings } from './decoder-savings.js';
import { FreezeDetector } from './freeze-detector.js';
import { PictureQueue } from './picture-queue.js';
import type { DecodeShare } from './pixel-budget.js';

/** Encoded frames that wait for the decoder: half a second at 30 fps. */
const MAX_WAITING = 15;
/** After this many frames without a picture or an error, the decoder waits for a lost keyframe. */
const MAX_WITHOUT_PICTURE = 15;
/** H.264 may keep up to 16 pictures back. */
const MAX_KEPT_BACK = 32;
/** Smaller pictures, such as those of a minimised window, show the placeholder. */
const MIN_SIDE = 16;
/** Of a source of which nothing else is decoded. */
const KEYFRAMES_APART: Micros = 1_000_000;
/** A call of the decoder that takes longer will not come back. */
const LONGEST_CALL: Micros = 3_000_000;
/** Pauses after a fault of the source. */
const FAULT_PAUSES = { firstMs: 250, maxMs: 8000, immediate: true, calmMs: 10_000 };

export interface VideoSourceCounters {
  video_frames_decoded: number;
  video_frames_corrupt: number;
  /** The decoder fell behind. */
  video_frames_dropped_overload: number;
  /** Nothing can be decoded before the next keyframe. */
  video_frames_dropped_no_keyframe: number;
  /** The source waits after a fault. */
  video_frames_dropped_fault: number;
  /** The source has more pixels a second than may be decoded. */
  video_frames_dropped_budget: number;
  /** Pictures of less than 16 pixels a side. */
  video_pictures_too_small: number;
  video_freezes: number;
}

export function videoSourceCounters(): VideoSourceCounters {
  return {
    video_frames_decoded: 0,
    video_frames_corrupt: 0,
    video_frames_dropped_overload: 0,
    video_frames_dropped_no_keyframe: 0,
    video_frames_dropped_fault: 0,
    video_frames_dropped_budget: 0,
    video_pictures_too_small: 0,
    video_freezes: 0,
  };
}

export interface VideoSourceEvents {
  keyframeNeeded(): void;
  /** A frame could not be decoded. */
  corrupt(): void;
  /** A stage took this long for one frame. */
  took(stage: 'transfer' | 'decode' | 'wait', micros: Micros): void;
  /** A frame arrived, of this number of pixels as the last picture. */
  arrived(pixels: number): void;
  /** Decoding threw: call {@link VideoSource.fault}. */
  failed(error: unknown): void;
}

export interface VideoSourceOptions {
  /** Shared by all sources of a room, so that a source's counts stay when it leaves. */
  readonly counters: VideoSourceCounters;
  /** Reads the monotonic clock. */
  readonly now: () => Micros;
  /** When to show a frame with this capture time (sender's clock; NaN if unknown). */
  readonly dueTime: (captureMicros: Micros, now: Micros) => Micros;
  /**
   * Makes a native call, and notes that it is under way.
   * @param call `alone`: on the main thread, so that no other call is under way.
   */
  readonly inNative: <T>(call: (alone: boolean) => Promise<T>) => Promise<T>;
}

interface WaitingFrame {
  readonly frame: VideoInFrame;
  readonly since: Micros;
}

export class VideoSource {
  private readonly counters: VideoSourceCounters;
  private readonly now: () => Micros;
  private waiting: WaitingFrame[] = [];
  private readonly pictures: PictureQueue;
  private decoder: VideoDecoder | undefined;
  /** Frames whose pictures a reordering decoder keeps back, by number. */
  private readonly keptBack = new Map<number, WaitingFrame>();
  private frameNumber = 0;
  private readonly savings = new DecoderSavings();
  private readonly freezes = new FreezeDetector();
  private tickInterval: Micros = 0;
  /** Size of the newest picture, turned upright. */
  private size: FrameSize | undefined;
  private needKeyframe = true;
  private readonly faultPauses = new Backoff(FAULT_PAUSES);
  private pausedUntil: Micros = 0;
  private share: DecodeShare = 'all';
  private askedAt: Micros = 0;
  /** Since when the decoder has been in a call. */
  private callSince: Micros | undefined;
  /** The decoder must not be used again. */
  private decoderBroken = false;
  /** Frames in a row that gave neither a picture nor an error. */
  private withoutPicture = 0;
  private running: Promise<void> | undefined;
  private closed = false;

  constructor(
    private readonly events: VideoSourceEvents,
    private readonly options: VideoSourceOptions,
  ) {
    this.counters = options.counters;
    this.now = options.now;
    this.pictures = new PictureQueue((decodedAt) => events.took('wait', this.now() - decodedAt));
  }

  /** Grows with every picture that is shown; two equal values mean the same picture. */
  get generation(): number {
    return this.pictures.generation;
  }

  /** When the newest picture was decoded; 0 if there is none. */
  get lastPictureAt(): Micros {
    return this.freezes.lastAt;
  }

  /** Frames that wait for the decoder. */
  get queued(): number {
    return this.waiting.length;
  }

  /** Share of the decoder's queue that is full, 0 to 1. */
  get backlog(): number {
    return this.waiting.length / MAX_WAITING;
  }

  /** Whether the decoder has not come back from a call for seconds. */
  hangs(now: Micros): boolean {
    return this.callSince !== undefined && now - this.callSince > LONGEST_CALL;
  }

  push(frame: VideoInFrame): void {
    if (this.closed) return;
    this.events.arrived(this.size ? this.size.width * this.size.height : 0);
    if (this.share === 'keyframes' && !frame.keyframe) {
      this.leaveOut();
      return;
    }
    if (this.now() < this.pausedUntil) {
      this.counters.video_frames_dropped_fault++;
      return;
    }
    if (this.waiting.length >= MAX_WAITING) {
      // The decoder is behind: no frame that waits can be shown in time.
      this.waiting = [];
      this.needKeyframe = true;
      this.counters.video_frames_dropped_overload++;
    }
    if (this.needKeyframe && !frame.keyframe && !frame.damaged) {
      this.counters.video_frames_dropped_no_keyframe++;
      this.events.keyframeNeeded();
      return;
    }
    this.needKeyframe = false;
    const since = this.now();
    this.savings.frameArrived(frame.arrivalMicros);
    this.events.took('transfer', since - frame.arrivalMicros);
    this.waiting.push({ frame, since });
    this.running ??= this.run().finally(() => {
      this.running = undefined;
    });
  }

  /** How much of what it sends is decoded. */
  setShare(share: DecodeShare): void {
    if (this.share === 'keyframes' && share !== 'keyframes') this.needKeyframe = true;
    this.share = share;
    this.applySavings();
  }

  /**
   * Says how the source is shown, so that the decoder can leave out what nobody would see.
   * @param tile size of its widest tile; undefined if it has none.
   * @param interval from one picture to the next, at least; not less than that of the ticks.
   */
  setShown(tile: FrameSize | undefined, interval: Micros): void {
    this.tickInterval = interval;
    if (this.savings.update(this.size, tile, interval)) this.applySavings();
  }

  /**
   * The newest picture that is due, owned by this source; undefined before the first.
   * @param interval from one picture to the next, at least.
   */
  pictureAt(now: Micros, interval: Micros = 0): Picture | undefined {
    return this.pictures.at(now, interval, this.tickInterval, this.freezes.usualInterval);
  }

  /**
   * The camera went off: drops every frame and picture, so that it starts again with a keyframe.
   */
  clear(): void {
    this.waiting = [];
    this.needKeyframe = true;
    this.keptBack.clear();
    this.pictures.clear();
    this.freezes.reset();
    this.savings.reset();
  }

  /**
   * Something of this source broke a stage: it starts again with a new decoder and a keyframe, after
   * a pause that grows with each fault.
   */
  fault(): void {
    this.clear();
    this.decoderBroken = true;
    this.pausedUntil = this.now() + 1000 * this.faultPauses.failed(this.now() / 1000);
  }

  /** Resolves when all frames that were pushed are decoded. */
  async idle(): Promise<void> {
    await this.running;
  }

  /** Resolves when the decoder is idle and everything is freed. */
  async close(): Promise<void> {
    if (this.closed) return;
    this.closed = true;
    this.clear();
    await this.running;
    this.clear();
    this.decoder?.[Symbol.dispose]();
    this.decoder = undefined;
  }

  private async run(): Promise<void> {
    for (let next = this.waiting.shift(); next && !this.closed; next = this.waiting.shift()) {
      try {
        await this.decode(next);
      } catch (error) {
        this.events.failed(error);
      }
    }
  }

  private async decode(next: WaitingFrame): Promise<void> {
    const { damaged = false } = next.frame;
    const decoder = await this.decoderFor(next.frame);
    const patience = decoder.reorders ? MAX_KEPT_BACK : MAX_WITHOUT_PICTURE;
    const number = ++this.frameNumber;
    if (decoder.reorders) this.keptBack.set(number, next);
    const result = await this.call(decoder, next.frame, number);
    this.withoutPicture = result === undefined ? this.withoutPicture + 1 : 0;
    if (result && result !== 'corrupt') {
      this.decoded(result, decoder.reorders ? this.frameOf(result) : next);
    } else if (damaged) return;
    else if (result || this.withoutPicture === patience) this.restart();
  }

  private async call(
    decoder: VideoDecoder,
    { data, damaged }: VideoInFrame,
    number: number,
  ): ReturnType<VideoDecoder['decode']> {
    this.callSince = this.now();
    try {
      return await this.options.inNative((alone) => decoder.decode(data, number, damaged, alone));
    } finally {
      this.callSince = undefined;
    }
  }

  /** The frame that a reordering decoder made this picture from; undefined if it was cleared. */
  private frameOf({ number }: Picture): WaitingFrame | undefined {
    const frame = this.keptBack.get(number);
    // Frames that gave no picture go too.
    for (const before of this.keptBack.keys()) {
      if (before <= number - MAX_KEPT_BACK || before === number) this.keptBack.delete(before);
    }
    return frame;
  }

  /** The frame is over the budget; a keyframe each second is within it. */
  private leaveOut(): void {
    this.counters.video_frames_dropped_budget++;
    const now = this.now();
    if (now - this.askedAt < KEYFRAMES_APART) return;
    this.askedAt = now;
    this.events.keyframeNeeded();
  }

  /** The decoder cannot go on without a keyframe. */
  private restart(): void {
    this.withoutPicture = 0;
    this.counters.video_frames_corrupt++;
    this.events.corrupt();
    this.waiting = [];
    this.needKeyframe = true;
    this.events.keyframeNeeded();
  }

  private decoded(picture: Picture, decoded: WaitingFrame | undefined): void {
    if (!decoded) {
      picture[Symbol.dispose]();
      return;
    }
    const { frame, since } = decoded;
    this.counters.video_frames_decoded++;
    this.events.took('decode', this.now() - since);
    try {
      this.take(picture, frame);
    } catch (error) {
      picture[Symbol.dispose]();
      throw error;
    }
  }

  /** @param picture owned by the source from now on, if nothing is thrown. */
  private take(picture: Picture, frame: VideoInFrame): void {
    const { signalsColourSpace } = UPLINK_VIDEO[frame.codec].uplink;
    const own = signalsColourSpace ? colourSpaceOf(picture) : undefined;
    picture.colourSpace = own ?? frame.colourSpace;
    picture.rotation = frame.rotation;
    this.size = uprightSize(picture, picture.rotation);
    if (Math.min(picture.width, picture.height) < MIN_SIDE) {
      this.counters.video_pictures_too_small++;
      this.pictures.clear();
      picture[Symbol.dispose]();
      return;
    }
    // The camera may have gone off, or the source away, while this picture was being decoded.
    if (this.closed || this.needKeyframe) {
      picture[Symbol.dispose]();
      return;
    }
    const now = this.now();
    if (this.freezes.add(now)) this.counters.video_freezes++;
    this.pictures.add(picture, now, this.options.dueTime(frame.captureMicros, now));
  }

  private async decoderFor({ codec, keyframe, data }: VideoInFrame): Promise<VideoDecoder> {
    const { decoder } = this;
    const isSame = decoder?.codec === codec && !this.decoderBroken;
    if (isSame && !keyframe) return decoder;
    const reorders = UPLINK_VIDEO[codec].uplink.mayReorder?.(data) ?? false;
    if (isSame && reorders === decoder.reorders) return decoder;
    decoder?.[Symbol.dispose]();
    this.decoder = undefined;
    this.decoderBroken = false;
    this.keptBack.clear();
    this.decoder = await VideoDecoder.open(codec, reorders);
    this.applySavings();
    return this.decoder;
  }

  private applySavings(): void {
    this.decoder?.skipDisposable(this.savings.skipsFrames || this.share !== 'all');
    this.decoder?.skipDisposableFilter(this.savings.skipsFilter);
  }
}
