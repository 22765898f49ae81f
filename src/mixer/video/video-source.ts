/**
 * Stage: one participant's video, from encoded frames to the newest picture that is due.
 * Times are monotonic microseconds. Callers may rely on: nothing here blocks the tick, at most
 * MAX_WAITING encoded frames and MAX_PICTURES pictures are held, and every frame left out is counted.
 */

import { UPLINK_VIDEO } from '../../codecs/codecs.js';
import { colourSpaceOf } from '../../codecs/ffmpeg/colour-space-of.js';
import type { Picture } from '../../codecs/ffmpeg/picture.js';
import { VideoDecoder } from '../../codecs/ffmpeg/video-decoder.js';
import type { VideoInFrame } from '../../link/link-messages.js';
import type { VideoCodec } from '../../protocol/codec-names.js';
import { uprightSize } from '../../rtp/rotation.js';
import type { FrameSize } from '../../util/frame-size.js';
import type { Micros } from '../../util/units.js';
import { TickPhase } from './tick-phase.js';

/** Encoded frames waiting for the decoder: half a second at 30 fps. */
const MAX_WAITING = 15;
/** So many that give nothing (half a second, too): the decoder waits for a keyframe that it lost. */
const MAX_PICTURELESS = 15;
/** Over the usual interval, for what counts as a freeze; and how many the usual is the mean of. */
const FREEZE: Micros = 150_000;
const INTERVALS = 30;
/** Shown this much more seldom than frames come, those that no other needs are left out. */
const SELDOM = 1.8;
/** Shrunk by this, a picture does not show that blocks of every second frame are not smoothed (0.03 dB). */
const SHRUNK = 1.4;
const ARRIVAL_SMOOTHING = 0.1;
/** Decoded pictures waiting for their time. */
const MAX_PICTURES = 8;

export interface VideoSourceEvents {
  keyframeNeeded(): void;
  corrupt(): void;
  count(name: string): void;
  /** How long a stage took. */
  took(stage: 'transfer' | 'decode' | 'wait', micros: Micros): void;
}

interface WaitingFrame {
  readonly frame: VideoInFrame;
  readonly since: Micros;
}

interface DuePicture {
  readonly picture: Picture;
  readonly decodedAt: Micros;
  readonly due: Micros;
}

export class VideoSource {
  /** Grows with every new picture shown; the compositor compares it. */
  generation = 0;
  /** When the newest picture arrived; 0 if there is none. */
  lastPictureAt: Micros = 0;
  private waiting: WaitingFrame[] = [];
  private pictures: DuePicture[] = [];
  private shown: Picture | undefined;
  private decoder: VideoDecoder | undefined;
  private shownAt: Micros = 0;
  /** From one picture to the next; 0 if unknown. */
  private usualInterval: Micros = 0;
  /** What is done about frames that no other needs. */
  private skips = { frames: false, filter: false };
  /** From one frame to the next as they come; 0 if unknown. */
  private arrivalInterval: Micros = 0;
  private arrivedAt: Micros = 0;
  /** From tick to tick. */
  private tickInterval: Micros = 0;
  private readonly phase = new TickPhase();
  /** Of the newest picture, as it is to be shown. */
  private size: FrameSize | undefined;
  private needKeyframe = true;
  /** Frames in a row that gave neither a picture nor an error. */
  private pictureless = 0;
  private running: Promise<void> | undefined;
  private closed = false;

  /**
   * @param dueTime when a frame with this capture time (sender's clock, may be NaN) is to be shown.
   */
  constructor(
    private readonly events: VideoSourceEvents,
    private readonly now: () => Micros,
    private readonly dueTime: (captureMicros: Micros, now: Micros) => Micros,
  ) {}

  push(frame: VideoInFrame): void {
    if (this.closed) return;
    if (this.waiting.length >= MAX_WAITING) {
      // The decoder is behind: nothing that waits can be shown in time.
      this.waiting = [];
      this.needKeyframe = true;
      this.events.count('video_frames_dropped_overload');
    }
    if (this.needKeyframe && !frame.keyframe) {
      this.events.count('video_frames_dropped_no_keyframe');
      this.events.keyframeNeeded();
      return;
    }
    this.needKeyframe = false;
    const since = this.now();
    this.noteArrival(frame.arrivalMicros);
    this.events.took('transfer', since - frame.arrivalMicros);
    this.waiting.push({ frame, since });
    this.running ??= this.run().finally(() => {
      this.running = undefined;
    });
  }

  /** Frames that wait for the decoder. */
  get queued(): number {
    return this.waiting.length;
  }

  /** Share of the queue that waits for the decoder. */
  get backlog(): number {
    return this.waiting.length / MAX_WAITING;
  }

  /**
   * How it is shown, which spares the decoder what nobody sees.
   * @param size of its widest tile; undefined if it has none.
   * @param interval from one picture to the next, at least: that of the ticks, or longer.
   */
  setShown(size: FrameSize | undefined, interval: Micros): void {
    this.tickInterval = interval;
    const frames = this.arrivalInterval > 0 && interval >= SELDOM * this.arrivalInterval;
    const filter = size !== undefined && this.size !== undefined && isShrunk(this.size, size);
    if (frames === this.skips.frames && filter === this.skips.filter) return;
    this.skips = { frames, filter };
    this.applySkips();
  }

  /**
   * The newest picture due at `now`, still owned by this source; undefined before the first.
   * @param interval from one picture to the next, at least.
   */
  pictureAt(now: Micros, interval: Micros = 0): Picture | undefined {
    // With some slack for ticks that are not quite even.
    if (this.shown && now - this.shownAt < interval * 0.9) {
      while (this.pictures[1] && this.pictures[1].due <= now)
        this.pictures.shift()?.picture[Symbol.dispose]();
      return this.shown;
    }
    this.phase.tick(now, this.tickInterval, this.usualInterval);
    const due = this.dueBy(now - this.phase.lag);
    if (due > 0) this.shownAt = now;
    for (const { picture, decodedAt } of this.pictures.splice(0, due)) {
      this.events.took('wait', this.now() - decodedAt);
      this.show(picture);
    }
    return this.shown;
  }

  /** How many pictures are due at a moment. */
  private dueBy(moment: Micros): number {
    const later = this.pictures.findIndex(({ due }) => due > moment);
    return later < 0 ? this.pictures.length : later;
  }

  /** Forgets every picture (the camera went off), so that no old one is shown when it comes back. */
  clear(): void {
    this.waiting = [];
    this.needKeyframe = true;
    for (const { picture } of this.pictures) picture[Symbol.dispose]();
    this.pictures = [];
    this.shown?.[Symbol.dispose]();
    this.shown = undefined;
    this.lastPictureAt = 0;
    this.arrivedAt = 0;
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

  private show(picture: Picture): void {
    this.shown?.[Symbol.dispose]();
    this.shown = picture;
    this.generation++;
  }

  private async run(): Promise<void> {
    for (let next = this.waiting.shift(); next && !this.closed; next = this.waiting.shift()) {
      const { frame, since } = next;
      const decoder = await this.decoderFor(frame.codec);
      const result = await decoder.decode(frame.data);
      this.pictureless = result === undefined ? this.pictureless + 1 : 0;
      if (result === 'corrupt' || this.pictureless === MAX_PICTURELESS) {
        this.pictureless = 0;
        this.events.count('video_frames_corrupt');
        this.events.corrupt();
        this.waiting = [];
        this.needKeyframe = true;
        this.events.keyframeNeeded();
      } else if (result) {
        this.events.count('video_frames_decoded');
        this.events.took('decode', this.now() - since);
        const { signalsColourSpace } = UPLINK_VIDEO[frame.codec].uplink;
        const own = signalsColourSpace ? colourSpaceOf(result) : undefined;
        result.colourSpace = own ?? frame.colourSpace;
        result.rotation = frame.rotation;
        this.size = uprightSize(result, result.rotation);
        this.enqueue(result, frame.captureMicros);
      }
    }
  }

  private enqueue(picture: Picture, captureMicros: Micros): void {
    // The camera may have gone off, or the source away, while this picture was being decoded.
    if (this.closed || this.needKeyframe) {
      picture[Symbol.dispose]();
      return;
    }
    const now = this.now();
    this.noteFreeze(now);
    this.lastPictureAt = now;
    const due = this.dueTime(captureMicros, now);
    this.phase.add(due);
    this.pictures.push({ picture, decodedAt: now, due });
    while (this.pictures.length > MAX_PICTURES) {
      this.show((this.pictures.shift() as DuePicture).picture);
    }
  }

  /** As `freezeCount` of WebRTC's statistics: three times the usual interval, and 150 ms more than it. */
  private noteFreeze(now: Micros): void {
    const interval = now - this.lastPictureAt;
    if (this.lastPictureAt === 0) this.usualInterval = 0;
    else if (this.usualInterval === 0) this.usualInterval = interval;
    else {
      const usual = this.usualInterval;
      if (interval > Math.max(3 * usual, usual + FREEZE)) this.events.count('video_freezes');
      this.usualInterval += (interval - usual) / INTERVALS;
    }
  }

  private async decoderFor(codec: VideoCodec): Promise<VideoDecoder> {
    if (this.decoder?.codec === codec) return this.decoder;
    this.decoder?.[Symbol.dispose]();
    this.decoder = await VideoDecoder.open(codec);
    this.applySkips();
    return this.decoder;
  }

  private applySkips(): void {
    this.decoder?.skipDisposable(this.skips.frames);
    this.decoder?.skipDisposableFilter(this.skips.filter);
  }

  private noteArrival(at: Micros): void {
    const interval = at - this.arrivedAt;
    if (this.arrivedAt > 0) {
      const smoothing = this.arrivalInterval === 0 ? 1 : ARRIVAL_SMOOTHING;
      this.arrivalInterval += smoothing * (interval - this.arrivalInterval);
    }
    this.arrivedAt = at;
  }
}

/** Whether a picture that fills a tile is made smaller for it. */
function isShrunk(picture: FrameSize, tile: FrameSize): boolean {
  return picture.width >= SHRUNK * tile.width && picture.height >= SHRUNK * tile.height;
}
