import { AVERROR_EAGAIN, AVERROR_EOF, Codec, CodecContext, Frame, Packet } from 'node-av';
import type { VideoCodecName } from '../../protocol/codec-names.js';
import { CODECS } from '../codecs.js';
import { isMadeInline } from './call-mode.js';
import { codecIdOf } from './codec-ids.js';
import { Picture } from './picture.js';

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

  private constructor(readonly codec: VideoCodecName) {
    this.packet.alloc();
  }

  /** @throws Error if this FFmpeg build cannot decode it. */
  static async open(codec: VideoCodecName): Promise<VideoDecoder> {
    const found = Codec.findDecoder(codecIdOf(CODECS[codec].ffmpegName));
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
   * @param data one frame; of H.264, one access unit as Annex B.
   * @returns the newest picture, owned by the caller; undefined if there is none yet; `'corrupt'` if
   *   the bitstream could not be decoded.
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
      // FFmpeg fills in what is missing of a picture; these flags are all that it says about it.
      if (frame.decodeErrorFlags !== 0) {
        frame.unref();
        return 'corrupt';
      }
      this.spare = undefined;
      newest = Picture.own(frame);
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
