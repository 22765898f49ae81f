import {
  AV_CODEC_ID_AV1,
  AV_CODEC_ID_H264,
  AV_CODEC_ID_VP8,
  AV_CODEC_ID_VP9,
  AVERROR_EAGAIN,
  AVERROR_EOF,
  Codec,
  CodecContext,
  Frame,
  Packet,
} from 'node-av';
import type { CompositeCodec } from '../../util/units.js';
import { isMadeInline } from './call-mode.js';
import { Picture } from './picture.js';

/** Clients' pictures are VP8 or H.264; the others are for what is encoded here. */
const CODEC_IDS = {
  vp8: AV_CODEC_ID_VP8,
  h264: AV_CODEC_ID_H264,
  vp9: AV_CODEC_ID_VP9,
  av1: AV_CODEC_ID_AV1,
} as const;

/**
 * Decodes one video stream with FFmpeg's own decoders (sturdier against forged headers than libvpx).
 * One call at a time; callers check the frame size before they give a frame.
 */
export class VideoDecoder implements Disposable {
  private readonly context = new CodecContext();
  private readonly packet = new Packet();
  /** For the next picture. */
  private spare: Frame | undefined;
  /** Of the last picture: the next will be like it. */
  private pixels = Number.POSITIVE_INFINITY;
  private closed = false;

  private constructor(readonly codec: CompositeCodec) {
    this.packet.alloc();
  }

  static async open(codec: CompositeCodec): Promise<VideoDecoder> {
    const found = Codec.findDecoder(CODEC_IDS[codec]);
    if (!found) throw new Error(`this FFmpeg build has no ${codec} decoder`);
    const decoder = new VideoDecoder(codec);
    decoder.context.allocContext3(found);
    decoder.context.threadCount = 1;
    decoder.context.setOption('flags', 'low_delay');
    const result = await decoder.context.open2(found, null);
    if (result < 0) throw new Error(`cannot open the ${codec} decoder (${result})`);
    return decoder;
  }

  /**
   * Decodes one frame (VP8: one frame; H.264: one access unit as Annex B).
   * @returns the newest picture it gave, owned by the caller; undefined if there is none yet;
   *   `'corrupt'` if the bitstream could not be decoded.
   */
  async decode(data: Buffer): Promise<Picture | undefined | 'corrupt'> {
    if (this.closed) return undefined;
    this.packet.data = data;
    let result: number;
    try {
      result = isMadeInline(this.pixels)
        ? this.context.sendPacketSync(this.packet)
        : await this.context.sendPacket(this.packet);
    } finally {
      this.packet.unref();
    }
    if (this.closed) return undefined;
    if (result < 0 && result !== AVERROR_EAGAIN) return 'corrupt';
    let newest: Picture | undefined;
    for (;;) {
      const frame = this.spare ?? allocateFrame();
      this.spare = frame;
      const received = this.context.receiveFrameSync(frame);
      if (received < 0) {
        if (received === AVERROR_EAGAIN || received === AVERROR_EOF) return newest;
        newest?.[Symbol.dispose]();
        return 'corrupt';
      }
      newest?.[Symbol.dispose]();
      // What is missing in a picture FFmpeg makes up and says nothing more of it.
      if (frame.decodeErrorFlags !== 0) {
        frame.unref();
        return 'corrupt';
      }
      this.spare = undefined;
      newest = Picture.own(frame);
      this.pixels = newest.width * newest.height;
    }
  }

  /** Leaves out frames that no other is predicted from; they give no picture. */
  skipDisposable(skip: boolean): void {
    if (!this.closed) this.context.setOption('skip_frame', skip ? 'noref' : 'default');
  }

  /** Leaves the blocks of such frames as they are: a fifth cheaper, and nothing comes after them. */
  skipDisposableFilter(skip: boolean): void {
    if (!this.closed) this.context.setOption('skip_loop_filter', skip ? 'noref' : 'default');
  }

  [Symbol.dispose](): void {
    if (this.closed) return;
    this.closed = true;
    this.packet.free();
    this.spare?.free();
    this.context.freeContext();
  }
}

function allocateFrame(): Frame {
  const frame = new Frame();
  frame.alloc();
  return frame;
}
