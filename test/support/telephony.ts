/** Tones as telephones send them. */
import {
  AV_CHANNEL_ORDER_NATIVE,
  AV_SAMPLE_FMT_S16,
  Codec,
  CodecContext,
  FFmpegError,
  Frame,
  Packet,
  Rational,
} from 'node-av';
import type { TelephonyCodec } from '../../src/protocol/codec-names.js';

const CODECS = {
  pcmu: { encoder: 'pcm_mulaw', rate: 8000 },
  pcma: { encoder: 'pcm_alaw', rate: 8000 },
  g722: { encoder: 'g722', rate: 16_000 },
} as const;
/** G.722's encoder takes 20 ms at a time. */
const ENCODED_MS = 20;
/** A byte is 125 us in each of these codecs. */
const BYTES_PER_MS = 8;

/**
 * Packets of a tone; in these codecs they may be cut anywhere.
 * @param amplitude of the tone, 0 to 1.
 */
export function telephonyTone(
  codec: TelephonyCodec,
  tone: { readonly hertz: number; readonly amplitude: number },
  count: number,
  packetMs: number,
): Buffer[] {
  const { encoder, rate } = CODECS[codec];
  const found = Codec.findEncoderByName(encoder as never);
  if (!found) throw new Error(`no ${encoder}`);
  const context = new CodecContext();
  context.allocContext3(found);
  context.sampleRate = rate;
  context.sampleFormat = AV_SAMPLE_FMT_S16;
  const layout = { nbChannels: 1, order: AV_CHANNEL_ORDER_NATIVE, mask: 4n };
  context.channelLayout = layout;
  context.timeBase = new Rational(1, rate);
  FFmpegError.throwIfError(context.open2Sync(found, null), 'open');
  const samples = (rate * ENCODED_MS) / 1000;
  const parts: Buffer[] = [];
  const packet = new Packet();
  packet.alloc();
  for (let n = 0; n * ENCODED_MS < count * packetMs; n++) {
    const frame = new Frame();
    frame.alloc();
    frame.format = AV_SAMPLE_FMT_S16;
    frame.sampleRate = rate;
    frame.channelLayout = layout;
    frame.nbSamples = samples;
    FFmpegError.throwIfError(frame.getBuffer(0), 'memory');
    for (let i = 0; i < samples; i++) {
      const angle = (2 * Math.PI * tone.hertz * (n * samples + i)) / rate;
      frame.data?.[0]?.writeInt16LE(Math.round(32_767 * tone.amplitude * Math.sin(angle)), 2 * i);
    }
    frame.pts = BigInt(n * samples);
    FFmpegError.throwIfError(context.sendFrameSync(frame), 'encode');
    frame.free();
    while (context.receivePacketSync(packet) >= 0) {
      if (packet.data) parts.push(Buffer.from(packet.data));
      packet.unref();
    }
  }
  packet.free();
  context.freeContext();
  const [all, bytes] = [Buffer.concat(parts), BYTES_PER_MS * packetMs];
  return Array.from({ length: count }, (_, n) => all.subarray(n * bytes, (n + 1) * bytes));
}
