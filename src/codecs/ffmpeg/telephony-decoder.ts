import { AV_CHANNEL_ORDER_NATIVE, Codec, CodecContext, Frame, Packet } from 'node-av';
import type { TelephonyCodec } from '../../protocol/codec-names.js';
import { CODECS } from '../codecs.js';
import { Upsampler } from '../upsampler.js';
import { codecIdOf } from './codec-ids.js';

const SAMPLE_RATE = 48_000;
/** The rate of their samples. G.722's RTP clock counts 8 kHz all the same (RFC 3551, 4.5.2). */
const RATES: Readonly<Record<TelephonyCodec, number>> = { pcmu: 8000, pcma: 8000, g722: 16_000 };
/** A byte is 125 us in each of these codecs. */
const SAMPLES_PER_BYTE = 6;
/** What is repeated while packets are missing: 20 ms. */
const REPEATED_SAMPLES = 960;
/** Each repetition is this much softer. */
const FADE = 0.5;

/** Duration of a packet in samples at 48 kHz. */
export function telephonyPacketSamples(packet: Uint8Array): number {
  return packet.length * SAMPLES_PER_BYTE;
}

/** Decodes one stream of G.711 or G.722, packet by packet, to 48 kHz. */
export class TelephonyDecoder implements Disposable {
  private readonly context = new CodecContext();
  private readonly packet = new Packet();
  private readonly frame = new Frame();
  private readonly upsampler: Upsampler;
  /** The last samples, which are repeated while packets are missing. */
  private last = new Float32Array(REPEATED_SAMPLES);
  private closed = false;

  /** @throws Error if this FFmpeg build cannot decode it. */
  constructor(
    readonly codec: TelephonyCodec,
    readonly channels: 1 | 2,
  ) {
    const found = Codec.findDecoder(codecIdOf(CODECS[codec].ffmpegName));
    if (!found) throw new Error(`this FFmpeg build has no ${codec} decoder`);
    this.packet.alloc();
    this.frame.alloc();
    this.context.allocContext3(found);
    this.context.sampleRate = RATES[codec];
    this.context.channelLayout = { nbChannels: 1, order: AV_CHANNEL_ORDER_NATIVE, mask: 4n };
    const opened = this.context.open2Sync(found, null);
    if (opened < 0) throw new Error(`cannot open the ${codec} decoder (${opened})`);
    this.upsampler = new Upsampler(SAMPLE_RATE / RATES[codec]);
  }

  /** The interleaved PCM of one packet; undefined if it cannot be decoded. */
  decode(packet: Uint8Array): Float32Array | undefined {
    if (this.closed || packet.length === 0) return undefined;
    this.packet.data = Buffer.from(packet);
    const sent = this.context.sendPacketSync(this.packet);
    this.packet.unref();
    if (sent < 0 || this.context.receiveFrameSync(this.frame) < 0) return undefined;
    const plane = this.frame.data?.[0];
    const samples = new Float32Array(this.frame.nbSamples);
    for (let i = 0; i < samples.length; i++) samples[i] = (plane?.readInt16LE(2 * i) ?? 0) / 32_768;
    this.frame.unref();
    const pcm = this.upsampler.push(samples);
    this.keep(pcm);
    return this.interleave(pcm);
  }

  /** Repeats what was heard last, more softly each time. @param samples per channel. */
  conceal(samples: number): Float32Array {
    const pcm = Float32Array.from(
      { length: samples },
      (_, i) => FADE * (this.last[i % REPEATED_SAMPLES] as number),
    );
    this.last = this.last.map((sample) => FADE * sample);
    return this.interleave(pcm);
  }

  [Symbol.dispose](): void {
    if (this.closed) return;
    this.closed = true;
    this.frame.free();
    this.packet.free();
    this.context.freeContext();
  }

  private keep(pcm: Float32Array): void {
    const end = pcm.subarray(-REPEATED_SAMPLES);
    this.last.copyWithin(0, end.length);
    this.last.set(end, REPEATED_SAMPLES - end.length);
  }

  private interleave(mono: Float32Array): Float32Array {
    if (this.channels === 1) return mono;
    const stereo = new Float32Array(2 * mono.length);
    for (let i = 0; i < mono.length; i++) stereo[2 * i] = stereo[2 * i + 1] = mono[i] as number;
    return stereo;
  }
}
