/** Streams that the server's own encoder does not make: any encoder, pixel format and option of FFmpeg. */
import {
  AV_PIX_FMT_YUV420P,
  type AVPixelFormat,
  Codec,
  CodecContext,
  FFmpegError,
  Frame,
  Packet,
  Rational,
} from 'node-av';

export interface EncodedStream {
  readonly encoder: string;
  readonly width: number;
  readonly height: number;
  readonly count: number;
  readonly format?: AVPixelFormat;
  readonly gop?: number;
  readonly bFrames?: number;
  readonly options?: readonly (readonly [name: string, value: string])[];
  /** Fills the planes of picture n. */
  draw(planes: readonly Buffer[], strides: readonly number[], n: number): void;
}

export interface StreamFrame {
  readonly data: Buffer;
  readonly keyframe: boolean;
  /** Of its picture: 0 for the first that is shown. */
  readonly number: number;
}

/** Frames in decoding order. @throws Error if this FFmpeg build lacks the encoder. */
export function encodeStream(stream: EncodedStream): StreamFrame[] {
  const { encoder, width, height, count, format = AV_PIX_FMT_YUV420P } = stream;
  const codec = Codec.findEncoderByName(encoder as never);
  if (!codec) throw new Error(`no ${encoder}`);
  const context = new CodecContext();
  context.allocContext3(codec);
  context.width = width;
  context.height = height;
  context.pixelFormat = format;
  context.timeBase = new Rational(1, 30);
  context.framerate = new Rational(30, 1);
  context.gopSize = stream.gop ?? 30;
  context.maxBFrames = stream.bFrames ?? 0;
  context.threadCount = 1;
  context.bitRate = 500_000n;
  for (const [name, value] of stream.options ?? []) context.setOption(name, value);
  FFmpegError.throwIfError(context.open2Sync(codec, null), `open ${encoder}`);
  const frames: StreamFrame[] = [];
  const packet = new Packet();
  packet.alloc();
  const drain = () => {
    while (context.receivePacketSync(packet) >= 0) {
      const { data, isKeyframe: keyframe, pts } = packet;
      if (data) frames.push({ data: Buffer.from(data), keyframe, number: Number(pts) });
      packet.unref();
    }
  };
  for (let n = 0; n < count; n++) {
    const frame = new Frame();
    frame.alloc();
    frame.width = width;
    frame.height = height;
    frame.format = format;
    FFmpegError.throwIfError(frame.getBuffer(32), 'memory');
    stream.draw(frame.data ?? [], frame.linesize, n);
    frame.pts = BigInt(n);
    FFmpegError.throwIfError(context.sendFrameSync(frame), 'encode');
    frame.free();
    drain();
  }
  context.sendFrameSync(null);
  drain();
  packet.free();
  context.freeContext();
  return frames;
}
