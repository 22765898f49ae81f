import {
  AV_PICTURE_TYPE_I,
  AV_PICTURE_TYPE_NONE,
  AV_PIX_FMT_YUV420P,
  AVCOL_PRI_SMPTE170M,
  AVCOL_RANGE_MPEG,
  AVCOL_SPC_SMPTE170M,
  AVCOL_TRC_SMPTE170M,
  Codec,
  CodecContext,
  Packet,
} from 'node-av';
import type { CompositeCodec, Micros, TemporalLayer } from '../../util/units.js';
import {
  ENCODER_NAMES,
  HARDWARE_NAMES,
  realtimeOptions,
  type VideoEncoderOptions,
} from './encoder-options.js';
import { HardwareUpload } from './hardware-upload.js';
import type { Picture } from './picture.js';

export type { VideoContent, VideoEncoderOptions } from './encoder-options.js';

/** One encoded frame; `data` is the caller's (VP8 frame, or H.264 access unit as Annex B). */
export interface EncodedVideo {
  readonly data: Buffer;
  readonly keyframe: boolean;
  readonly temporalLayer: TemporalLayer;
}

/** Of the frame rate that the encoder is told, per frame; and its least, in nominal intervals. */
const INTERVAL_SMOOTHING = 0.05;
const MAX_INTERVALS = 4;

/** How far the bitrate may be left behind or borrowed. */
const BUFFER_SECONDS = 0.6;

/** Encodes pictures of one size in real time, one in, one out, keyframes only when asked. */
export class VideoEncoder implements Disposable {
  private readonly context = new CodecContext();
  private readonly packet = new Packet();
  private upload: HardwareUpload | undefined;
  private closed = false;
  private lastPts: Micros | undefined;
  /** The encoder's own time, and how far it goes with a frame: in ticks of 1/90000 s. */
  private ticks = 0;
  private smoothed: number;
  /** Of the bitrate, what x264 was told last. */
  private toldShare = 1;
  /** Frames since the last keyframe, with which libvpx begins its pattern of layers anew. */
  private sinceKeyframe = 0;

  private constructor(readonly options: VideoEncoderOptions) {
    this.packet.alloc();
    this.smoothed = 90_000 / options.frameRate;
  }

  /** Why not the hardware that was asked for, if it could not be opened. */
  fallback: string | undefined;

  static async open(options: VideoEncoderOptions): Promise<VideoEncoder> {
    const { hardware, ...software } = options;
    if (!hardware || options.codec !== 'h264') return VideoEncoder.openAs(software);
    try {
      return await VideoEncoder.openAs(options);
    } catch (error) {
      const encoder = await VideoEncoder.openAs(software);
      encoder.fallback = error instanceof Error ? error.message : String(error);
      return encoder;
    }
  }

  private static async openAs(options: VideoEncoderOptions): Promise<VideoEncoder> {
    const { hardware } = options;
    const name = hardware ? HARDWARE_NAMES[hardware] : ENCODER_NAMES[options.codec];
    const codec = Codec.findEncoderByName(name);
    if (!codec) throw new Error(`this FFmpeg build has no ${name} encoder`);
    const encoder = new VideoEncoder(options);
    const context = encoder.context;
    context.allocContext3(codec);
    context.width = options.width;
    context.height = options.height;
    context.pixelFormat = AV_PIX_FMT_YUV420P;
    context.timeBase = { num: 1, den: 90_000 } as typeof context.timeBase;
    context.framerate = {
      num: Math.round(options.frameRate * 1000),
      den: 1000,
    } as typeof context.framerate;
    encoder.setRate(options.bitrateBps);
    if (options.codec === 'vp8' || options.codec === 'vp9') {
      context.rcMinRate = BigInt(options.bitrateBps);
    }
    context.gopSize = 1_000_000;
    // What cameras send and the placeholders are drawn in; unsaid, browsers take HD for BT.709.
    context.colorSpace = AVCOL_SPC_SMPTE170M;
    context.colorPrimaries = AVCOL_PRI_SMPTE170M;
    context.colorTrc = AVCOL_TRC_SMPTE170M;
    context.colorRange = AVCOL_RANGE_MPEG;
    context.maxBFrames = 0;
    context.threadCount = 1;
    try {
      if (hardware) encoder.upload = HardwareUpload.prepare(hardware, context);
      for (const [key, value] of realtimeOptions(options)) context.setOption(key, value);
      const result = await context.open2(codec, null);
      if (result < 0) throw new Error(`cannot open ${name} at ${options.width}x${options.height}`);
    } catch (error) {
      encoder[Symbol.dispose]();
      throw error;
    }
    return encoder;
  }

  /**
   * Encodes one picture. The picture stays the caller's and may be written to once this resolves.
   * @param pts presentation time in microseconds; must grow from call to call.
   */
  async encode(picture: Picture, pts: Micros, keyframe: boolean): Promise<EncodedVideo[]> {
    if (this.closed) return [];
    const frame = this.upload ? await this.upload.take(picture.frame) : picture.frame.clone();
    if (!frame) throw new Error('no memory to encode a picture');
    const interval = this.interval(pts);
    if (this.options.codec === 'h264' && !this.options.hardware) this.adjustPerFrame(interval);
    this.ticks += interval;
    frame.pts = BigInt(Math.round(this.ticks));
    frame.duration = BigInt(Math.round(interval));
    frame.pictType = keyframe ? AV_PICTURE_TYPE_I : AV_PICTURE_TYPE_NONE;
    const sent = await this.context.sendFrame(frame);
    frame.free();
    if (this.closed) return [];
    if (sent < 0) throw new Error(`the ${this.options.codec} encoder refused a frame (${sent})`);
    const out: EncodedVideo[] = [];
    while (this.context.receivePacketSync(this.packet) >= 0) {
      const data = this.packet.data;
      const keyframe = this.packet.isKeyframe;
      this.sinceKeyframe = keyframe ? 0 : this.sinceKeyframe + 1;
      const temporalLayer = this.options.temporalLayers && this.sinceKeyframe % 2 === 1 ? 1 : 0;
      if (data) out.push({ data: Buffer.from(data), keyframe, temporalLayer });
      this.packet.unref();
    }
    return out;
  }

  /**
   * Frames are left out when nothing changed. libvpx, told of each gap, would spend 1.6 times the
   * bitrate: it is told of a frame rate that goes up and down slowly.
   */
  private interval(pts: Micros): number {
    const nominal = 90_000 / this.options.frameRate;
    const real = this.lastPts === undefined ? nominal : (pts - this.lastPts) * 0.09;
    this.lastPts = pts;
    const bounded = Math.min(MAX_INTERVALS * nominal, Math.max(nominal / 2, real));
    this.smoothed += INTERVAL_SMOOTHING * (bounded - this.smoothed);
    return this.smoothed;
  }

  /** x264 without delay counts frames, not time: it is told a bitrate at its nominal frame rate. */
  private adjustPerFrame(interval: number): void {
    const { bitrateBps, frameRate } = this.options;
    const share = (interval * frameRate) / 90_000;
    if (Math.abs(share - this.toldShare) < 0.05 * this.toldShare) return;
    this.toldShare = share;
    this.setRate(bitrateBps * share);
  }

  private setRate(bps: number): void {
    const { context } = this;
    const { frameRate } = this.options;
    context.bitRate = BigInt(Math.round(bps));
    context.rcMaxRate = context.bitRate;
    // A slide show's single picture may take all that was not sent since the last.
    context.rcBufferSize = Math.round(bps * Math.max(BUFFER_SECONDS, 1 / frameRate));
  }

  [Symbol.dispose](): void {
    if (this.closed) return;
    this.closed = true;
    // SVT-AV1 complains if it is not told of the end.
    if (this.options.codec === 'av1') this.context.sendFrameSync(null);
    this.packet.free();
    this.context.freeContext();
    this.upload?.[Symbol.dispose]();
  }
}

/** Whether this FFmpeg build can encode the codec at all. */
export function hasVideoEncoder(codec: CompositeCodec): boolean {
  return Codec.findEncoderByName(ENCODER_NAMES[codec]) !== null;
}
