/**
 * FFmpeg's own WHIP muxer as a client: sends a colour and a tone until it is stopped. Its arguments are
 * the address, the tone's frequency and the profile of H.264. A process of its own, since the muxer blocks.
 */
import {
  AV_CHANNEL_ORDER_NATIVE,
  AV_CODEC_FLAG_GLOBAL_HEADER,
  AV_PICTURE_TYPE_I,
  AV_PICTURE_TYPE_NONE,
  AV_PIX_FMT_YUV420P,
  AV_SAMPLE_FMT_FLT,
  Codec,
  CodecContext,
  Dictionary,
  FF_ENCODER_LIBOPUS,
  FF_ENCODER_LIBX264,
  FFmpegError,
  FormatContext,
  Frame,
  Packet,
  Rational,
  type Stream,
} from 'node-av';

const [url = '', hertz = '440', profile = 'high'] = process.argv.slice(2);
const [WIDTH, HEIGHT, FRAME_RATE, SAMPLES] = [640, 360, 30, 960] as const;
/** The blue of the fixtures, in BT.601. */
const COLOUR = [77, 197, 109] as const;
const STEREO = { nbChannels: 2, order: AV_CHANNEL_ORDER_NATIVE, mask: 3n };
const check = (result: number, what: string) => FFmpegError.throwIfError(result, what);

function opened(name: string, set: (context: CodecContext) => void): CodecContext {
  const codec = Codec.findEncoderByName(name as never);
  if (!codec) throw new Error(`no ${name}`);
  const context = new CodecContext();
  context.allocContext3(codec);
  context.setFlags(AV_CODEC_FLAG_GLOBAL_HEADER);
  set(context);
  check(context.open2Sync(codec, null), `open ${name}`);
  return context;
}

const video = opened(FF_ENCODER_LIBX264, (context) => {
  context.width = WIDTH;
  context.height = HEIGHT;
  context.pixelFormat = AV_PIX_FMT_YUV420P;
  context.timeBase = new Rational(1, FRAME_RATE);
  context.framerate = new Rational(FRAME_RATE, 1);
  context.bitRate = 600_000n;
  context.gopSize = FRAME_RATE;
  context.maxBFrames = 0;
  for (const [key, value] of [
    ['preset', 'veryfast'],
    ['tune', 'zerolatency'],
    ['profile', profile],
  ] as const)
    context.setOption(key, value);
});
const audio = opened(FF_ENCODER_LIBOPUS, (context) => {
  context.sampleRate = 48_000;
  context.sampleFormat = AV_SAMPLE_FMT_FLT;
  context.channelLayout = STEREO;
  context.timeBase = new Rational(1, 48_000);
  context.bitRate = 64_000n;
});

const output = new FormatContext();
check(output.allocOutputContext2(null, 'whip', url), 'allocate the muxer');
const streams = [video, audio].map((context): Stream => {
  const stream = output.newStream();
  check(stream.codecpar.fromContext(context), 'parameters');
  stream.timeBase = context.timeBase;
  return stream;
}) as [Stream, Stream];
check(output.writeHeaderSync(Dictionary.fromObject({})), 'connect');
console.log('connected');

function drain(context: CodecContext, stream: Stream): void {
  const packet = new Packet();
  packet.alloc();
  while (context.receivePacketSync(packet) >= 0) {
    packet.streamIndex = stream.index;
    packet.rescaleTs(context.timeBase, stream.timeBase);
    check(output.interleavedWriteFrameSync(packet), 'write');
  }
  packet.free();
}

const picture = new Frame();
picture.alloc();
picture.width = WIDTH;
picture.height = HEIGHT;
picture.format = AV_PIX_FMT_YUV420P;
check(picture.getBuffer(0), 'memory');
for (const [plane, value] of COLOUR.entries()) picture.data?.[plane]?.fill(value);

let [frames, sounds] = [0, 0];
const start = performance.now();
setInterval(() => {
  const seconds = (performance.now() - start) / 1000;
  for (; frames / FRAME_RATE < seconds; frames++) {
    const frame = picture.clone() as Frame;
    frame.pts = BigInt(frames);
    frame.pictType = frames % FRAME_RATE === 0 ? AV_PICTURE_TYPE_I : AV_PICTURE_TYPE_NONE;
    check(video.sendFrameSync(frame), 'encode');
    frame.free();
    drain(video, streams[0]);
  }
  for (; (sounds * SAMPLES) / 48_000 < seconds; sounds++) {
    const frame = new Frame();
    frame.alloc();
    frame.format = AV_SAMPLE_FMT_FLT;
    frame.sampleRate = 48_000;
    frame.nbSamples = SAMPLES;
    frame.channelLayout = STEREO;
    check(frame.getBuffer(0), 'memory');
    const pcm = frame.data?.[0] as Buffer;
    for (let i = 0; i < SAMPLES; i++) {
      const at = ((sounds * SAMPLES + i) * Number(hertz)) / 48_000;
      const value = 0.2 * Math.sin(2 * Math.PI * at);
      pcm.writeFloatLE(value, i * 8);
      pcm.writeFloatLE(value, i * 8 + 4);
    }
    frame.pts = BigInt(sounds * SAMPLES);
    check(audio.sendFrameSync(frame), 'encode');
    frame.free();
    drain(audio, streams[1]);
  }
}, 20);

process.on('SIGTERM', () => {
  output.writeTrailerSync();
  process.exit(0);
});
