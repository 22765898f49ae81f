import { AVERROR_EAGAIN, AVERROR_EOF, Codec, CodecContext, Frame, Packet } from 'node-av';
import type { VideoCodecName } from '../../protocol/codec-names.js';
import { CODECS } from '../codecs.js';
import { isMadeInline } from './call-mode.js';
import { codecIdOf } from './codec-ids.js';
import { Picture } from './picture.js';

/** The decoder refuses larger pictures, whatever the headers say that callers looked at. */
const MAX_PIXELS = 4096 * 2304;

/**
 * Decodes one video stream with FFmpeg's own decoders (sturdier against forged headers than libvpx).
 * One call at a time; callers check the frame size before they give a frame.
 */
export class VideoDecoder implements Disposable {
  private readonly context = new CodecContext();
  private readonly packet = new Packet();
  /** A frame without a picture, kept for the next one. */
  private spare: Frame | undefined;
  /** Pixels of the last picture; the next one is taken to have as many. */
  private pixels = Number.POSITIVE_INFINITY;
  private closed = false;

  private constructor(
    readonly codec: VideoCodecName,
    /** It keeps pictures back until it is their turn. */
    readonly reorders: boolean,
  ) {
    this.packet.alloc();
  }

  /**
   * @param reorders pictures may have to be shown in another order than they are decoded in.
   * @throws Error if this FFmpeg build cannot decode it.
   */
  static async open(codec: VideoCodecName, reorders = false): Promise<VideoDecoder> {
    const found = Codec.findDecoder(codecIdOf(CODECS[codec].ffmpegName));
    if (!found) throw new Error(`this FFmpeg build has no ${codec} decoder`);
    const decoder = new VideoDecoder(codec, reorders);
    decoder.context.allocContext3(found);
    decoder.context.threadCount = 1;
    decoder.context.setOption('max_pixels', String(MAX_PIXELS));
    if (!reorders) decoder.context.setOption('flags', 'low_delay');
    const result = await decoder.context.open2(found, null);
    if (result < 0) throw new Error(`cannot open the ${codec} decoder (${result})`);
    return decoder;
  }

  /**
   * @param data one frame; of H.264, one access unit as Annex B.
   * @param number of the frame, which its picture will have.
   * @param isDamaged frames before it are missing: pictures with errors are given too.
   * @param inline decodes on this thread, whatever the size.
   * @returns the newest picture, owned by the caller; undefined if there is none yet; `'corrupt'` if
   *   the bitstream could not be decoded.
   */
  async decode(
    data: Buffer,
    number = 0,
    isDamaged = false,
    inline = false,
  ): Promise<Picture | undefined | 'corrupt'> {
    if (this.closed) return undefined;
    this.packet.data = data;
    this.packet.pts = BigInt(number);
    let result: number;
    try {
      result =
        inline || isMadeInline(this.pixels)
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
      // FFmpeg fills in what is missing of a picture; these flags are all that it says about it.
      if (frame.decodeErrorFlags !== 0 && !isDamaged) {
        frame.unref();
        return 'corrupt';
      }
      this.spare = undefined;
      newest = Picture.own(frame);
      newest.number = Number(frame.pts);
      this.pixels = newest.width * newest.height;
    }
  }

  /** Skips frames that no other frame is predicted from: they give no picture. */
  skipDisposable(skip: boolean): void {
    if (!this.closed) this.context.setOption('skip_frame', skip ? 'noref' : 'default');
  }

  /** Skips the loop filter of such frames: decoding is a fifth cheaper, and no other frame suffers. */
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
