/** Brings pictures where a hardware encoder takes them from: its own memory, or at least its layout. */
import {
  AV_HWDEVICE_TYPE_VAAPI,
  AV_PIX_FMT_NV12,
  AV_PIX_FMT_VAAPI,
  AV_PIX_FMT_YUV420P,
  type CodecContext,
  Frame,
  HardwareDeviceContext,
  HardwareFramesContext,
  SoftwareScaleContext,
  SWS_BILINEAR,
} from 'node-av';
import type { HardwareEncoder } from '../../util/units.js';

/** Frames that an encoder may hold. */
const POOL = 8;

export class HardwareUpload implements Disposable {
  private readonly layout = new SoftwareScaleContext();
  private device: HardwareDeviceContext | undefined;
  private frames: HardwareFramesContext | undefined;

  /**
   * Prepares a context that is not opened yet.
   * @returns undefined if the encoder takes pictures as they are.
   * @throws Error if there is no such hardware.
   */
  static prepare(kind: HardwareEncoder, context: CodecContext): HardwareUpload | undefined {
    if (kind === 'nvenc') return undefined;
    const upload = new HardwareUpload(context.width, context.height);
    context.pixelFormat = AV_PIX_FMT_NV12;
    if (kind === 'vaapi') upload.useDevice(context);
    return upload;
  }

  private constructor(
    private readonly width: number,
    private readonly height: number,
  ) {
    this.layout.getContext(
      width,
      height,
      AV_PIX_FMT_YUV420P,
      width,
      height,
      AV_PIX_FMT_NV12,
      SWS_BILINEAR,
    );
  }

  /** A frame of the same picture that the encoder takes; the caller's to free. */
  async take(picture: Frame): Promise<Frame> {
    const arranged = new Frame();
    arranged.alloc();
    arranged.width = this.width;
    arranged.height = this.height;
    arranged.format = AV_PIX_FMT_NV12;
    if (arranged.getBuffer(32) < 0) throw new Error('no memory to encode a picture');
    await this.layout.scaleFrame(arranged, picture);
    if (!this.frames) return arranged;
    const uploaded = new Frame();
    uploaded.alloc();
    const result = this.frames.getBuffer(uploaded, 0);
    const moved = result < 0 ? result : await this.frames.transferData(uploaded, arranged);
    arranged.free();
    if (moved >= 0) return uploaded;
    uploaded.free();
    throw new Error(`the picture could not be brought into the device's memory (${moved})`);
  }

  [Symbol.dispose](): void {
    this.layout.freeContext();
    this.frames?.free();
    this.device?.free();
  }

  private useDevice(context: CodecContext): void {
    this.device = new HardwareDeviceContext();
    const result = this.device.create(AV_HWDEVICE_TYPE_VAAPI);
    if (result < 0) throw new Error(`there is no VAAPI device (${result})`);
    this.frames = new HardwareFramesContext();
    this.frames.alloc(this.device);
    this.frames.format = AV_PIX_FMT_VAAPI;
    this.frames.swFormat = AV_PIX_FMT_NV12;
    this.frames.width = this.width;
    this.frames.height = this.height;
    this.frames.initialPoolSize = POOL;
    if (this.frames.init() < 0) throw new Error('the VAAPI device has no memory for pictures');
    context.pixelFormat = AV_PIX_FMT_VAAPI;
    context.hwFramesCtx = this.frames;
  }
}
