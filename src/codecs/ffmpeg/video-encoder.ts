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
import type { CompositeCodec } from '../../protocol/codec-names.js';
import type { HardwareEncoder, Micros } from '../../util/units.js';
import type { EncoderSpec, EncoderTuning } from '../codec.js';
import { DOWNLINK_VIDEO } from '../codecs.js';
import type { EncodedFrame } from '../packetizer.js';
import { HardwareUpload } from './hardware-upload.js';
import type { Picture } from './picture.js';

export interface VideoEncoderOptions extends EncoderTuning {
  readonly codec: CompositeCodec;
  readonly width: number;
  readonly height: number;
  /** Nominal frames per second; frames may be left out. */
  readonly frameRate: number;
  /** Where the codec has an encoder for it; the software encoder takes its place if it fails to open. */
  readonly hardware?: HardwareEncoder | undefined;
}

/** Weight of one frame's interval in the smoothed one that the encoder is given. */
const INTERVAL_SMOOTHING = 0.05;
/** No interval counts as more than this many nominal ones. */
const MAX_INTERVALS = 4;

/** How much of the bitrate may be saved up or borrowed. */
const BUFFER_SECONDS = 0.6;

type EncoderName = Parameters<typeof Codec.findEncoderByName>[0];

/** Encodes pictures of one size in real time, one in, one out, keyframes only when asked. */
export class VideoEncoder implements Disposable {
  private readonly context = new CodecContext();
  private readonly packet = new Packet();
  private upload: HardwareUpload | undefined;
  private closed = false;
  private lastPts: Micros | undefined;
  /** The encoder's own time, in ticks of 1/90000 s. */
  private ticks = 0;
  /** Smoothed time from frame to frame, in the same ticks. */
  private smoothed: number;
  /** The share of the bitrate that an encoder which counts frames has now. */
  private rateShare = 1;
  /** Frames since the last keyframe, at which libvpx begins its pattern of layers again. */
  private sinceKeyframe = 0;
  private readonly spec: EncoderSpec;
  private readonly hasLayers: boolean;

  private constructor(readonly options: VideoEncoderOptions) {
    const { encoder, temporalLayers } = DOWNLINK_VIDEO[options.codec].downlink;
    this.spec = encoder;
    this.hasLayers = temporalLayers && options.temporalLayers === true;
    this.packet.alloc();
    this.smoothed = 90_000 / options.frameRate;
  }

  /** Why the hardware encoder was not opened; undefined if it was, or none was asked for. */
  fallback: string | undefined;

  /** @throws Error if this FFmpeg build has no such encoder, or it takes no pictures of this size. */
  static async open(options: VideoEncoderOptions): Promise<VideoEncoder> {
    const { hardware, ...software } = options;
    const { encoder: spec } = DOWNLINK_VIDEO[options.codec].downlink;
    if (!hardware || !spec.hardware) return VideoEncoder.openAs(software);
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
    const encoder = new VideoEncoder(options);
    const { context, spec } = encoder;
    const inHardware = hardware && spec.hardware?.[hardware];
    const { name } = inHardware ?? spec;
    const codec = Codec.findEncoderByName(name as EncoderName);
    if (!codec) {
      encoder.packet.free();
      throw new Error(`this FFmpeg build has no ${name} encoder`);
    }
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
    if (spec.setsMinRate) context.rcMinRate = BigInt(options.bitrateBps);
    context.gopSize = 1_000_000;
    // Cameras send BT.601 and placeholders are drawn in it. Browsers take HD for BT.709 unless it is set.
    context.colorSpace = AVCOL_SPC_SMPTE170M;
    context.colorPrimaries = AVCOL_PRI_SMPTE170M;
    context.colorTrc = AVCOL_TRC_SMPTE170M;
    context.colorRange = AVCOL_RANGE_MPEG;
    context.maxBFrames = 0;
    context.threadCount = 1;
    try {
      if (hardware) encoder.upload = HardwareUpload.prepare(hardware, context);
      // `setOption`, because node-av frees a Dictionary that is given to open2 twice.
      const settings = inHardware?.options ?? spec.options(options);
      for (const [key, value] of settings) context.setOption(key, value);
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
   * @returns the frames, whose data is the caller's; H.264 as Annex B.
   */
  async encode(picture: Picture, pts: Micros, keyframe: boolean): Promise<EncodedFrame[]> {
    if (this.closed) return [];
    const frame = this.upload ? await this.upload.take(picture.frame) : picture.frame.clone();
    if (!frame) throw new Error('no memory to encode a picture');
    const interval = this.interval(pts);
    if (this.spec.countsFrames && !this.options.hardware) this.adjustRate(interval);
    this.ticks += interval;
    frame.pts = BigInt(Math.round(this.ticks));
    frame.duration = BigInt(Math.round(interval));
    frame.pictType = keyframe ? AV_PICTURE_TYPE_I : AV_PICTURE_TYPE_NONE;
    const sent = await this.context.sendFrame(frame);
    frame.free();
    if (this.closed) return [];
    if (sent < 0) throw new Error(`the ${this.options.codec} encoder refused a frame (${sent})`);
    const out: EncodedFrame[] = [];
    while (this.context.receivePacketSync(this.packet) >= 0) {
      const data = this.packet.data;
      const keyframe = this.packet.isKeyframe;
      this.sinceKeyframe = keyframe ? 0 : this.sinceKeyframe + 1;
      const temporalLayer = this.hasLayers && this.sinceKeyframe % 2 === 1 ? 1 : 0;
      if (data) out.push({ data: Buffer.from(data), keyframe, temporalLayer });
      this.packet.unref();
    }
    return out;
  }

  /**
   * The time that a frame gets, in ticks. Frames are left out when nothing changed; if each gap showed
   * at once, libvpx would spend 1.6 times the bitrate. So the frame rate it sees changes slowly.
   */
  private interval(pts: Micros): number {
    const nominal = 90_000 / this.options.frameRate;
    const real = this.lastPts === undefined ? nominal : (pts - this.lastPts) * 0.09;
    this.lastPts = pts;
    const bounded = Math.min(MAX_INTERVALS * nominal, Math.max(nominal / 2, real));
    this.smoothed += INTERVAL_SMOOTHING * (bounded - this.smoothed);
    return this.smoothed;
  }

  /** An encoder that counts frames gets more for each when there are fewer of them. */
  private adjustRate(interval: number): void {
    const { bitrateBps, frameRate } = this.options;
    const share = (interval * frameRate) / 90_000;
    if (Math.abs(share - this.rateShare) < 0.05 * this.rateShare) return;
    this.rateShare = share;
    this.setRate(bitrateBps * share);
  }

  private setRate(bps: number): void {
    const { context } = this;
    const { frameRate } = this.options;
    context.bitRate = BigInt(Math.round(bps));
    context.rcMaxRate = context.bitRate;
    // One picture of a slide show may take all the bits that were saved since the last one.
    context.rcBufferSize = Math.round(bps * Math.max(BUFFER_SECONDS, 1 / frameRate));
  }

  [Symbol.dispose](): void {
    if (this.closed) return;
    this.closed = true;
    if (this.spec.needsEnd) this.context.sendFrameSync(null);
    this.packet.free();
    this.context.freeContext();
    this.upload?.[Symbol.dispose]();
  }
}

/** Whether this FFmpeg build can encode the codec at all. */
export function hasVideoEncoder(codec: CompositeCodec): boolean {
  const { name } = DOWNLINK_VIDEO[codec].downlink.encoder;
  return Codec.findEncoderByName(name as EncoderName) !== null;
}
