/**
 * Stage: transcodes G.711 and G.722 to Opus, for the file of a sender's own sound: no container of ours
 * takes them. Packets must come in order; what is missing stays missing.
 */
import { TelephonyDecoder } from '../codecs/ffmpeg/telephony-decoder.js';
import { FRAME_SAMPLES, OpusEncoder } from '../codecs/opus/opus.js';
import type { AudioInFrame } from '../link/link-messages.js';
import type { TelephonyCodec } from '../protocol/codec-names.js';
import type { Micros } from '../util/units.js';

const BITRATE = 48_000;
const COMPLEXITY = 5;
const MICROS_PER_SAMPLE = 1000 / 48;
/** Packets that wait while the encoder is being opened. */
const MAX_WAITING = 250;

export class TelephonyTranscoder implements Disposable {
  private encoder: OpusEncoder | undefined;
  private readonly opening: Promise<void>;
  private decoder: TelephonyDecoder | undefined;
  private waiting: AudioInFrame[] = [];
  private readonly pending = new Float32Array(FRAME_SAMPLES);
  private filled = 0;
  /** At 48 kHz, of the first sample that is pending; undefined if there is none. */
  private timestamp: number | undefined;
  private disposed = false;

  /** @param onFault the encoder cannot be opened: nothing will come out. */
  constructor(onFault: (error: unknown) => void) {
    this.opening = OpusEncoder.open({ channels: 1, bitrateBps: BITRATE, complexity: COMPLEXITY })
      .then((encoder) => {
        if (this.disposed) encoder[Symbol.dispose]();
        else this.encoder = encoder;
      })
      .catch(onFault);
  }

  /** @returns the Opus packets of 20 ms that are complete. */
  push(frame: AudioInFrame): AudioInFrame[] {
    if (this.disposed) return [];
    this.waiting.push(frame);
    if (this.waiting.length > MAX_WAITING) this.waiting.shift();
    const { encoder } = this;
    return encoder ? this.waiting.splice(0).flatMap((one) => this.transcode(one, encoder)) : [];
  }

  /** Ends the stream. @returns the packets that were still waiting. */
  async end(): Promise<AudioInFrame[]> {
    await this.opening;
    const { encoder } = this;
    if (!encoder || this.disposed) return [];
    return this.waiting.splice(0).flatMap((one) => this.transcode(one, encoder));
  }

  [Symbol.dispose](): void {
    if (this.disposed) return;
    this.disposed = true;
    this.encoder?.[Symbol.dispose]();
    this.decoder?.[Symbol.dispose]();
  }

  private transcode(frame: AudioInFrame, encoder: OpusEncoder): AudioInFrame[] {
    const { codec = 'opus' } = frame;
    const pcm = codec === 'opus' ? undefined : this.decoderFor(codec).decode(frame.data);
    if (!pcm) return [];
    const expected = (this.timestamp ?? frame.timestamp) + this.filled;
    if (frame.timestamp !== expected >>> 0) this.filled = 0;
    if (this.filled === 0) this.timestamp = frame.timestamp;
    const packets: AudioInFrame[] = [];
    for (let at = 0; at < pcm.length; ) {
      // The pending samples began this long before the packet.
      const lead: Micros = (at - this.filled) * MICROS_PER_SAMPLE;
      const part = pcm.subarray(at, at + FRAME_SAMPLES - this.filled);
      this.pending.set(part, this.filled);
      this.filled += part.length;
      at += part.length;
      if (this.filled < FRAME_SAMPLES) break;
      const data = Buffer.from(encoder.encode(this.pending, false));
      const timestamp = this.timestamp ?? frame.timestamp;
      packets.push({
        ...frame,
        codec: 'opus',
        timestamp,
        captureMicros: frame.captureMicros + lead,
        arrivalMicros: frame.arrivalMicros + lead,
        data,
      });
      this.timestamp = (timestamp + FRAME_SAMPLES) >>> 0;
      this.filled = 0;
    }
    return packets;
  }

  private decoderFor(codec: TelephonyCodec): TelephonyDecoder {
    if (this.decoder?.codec === codec) return this.decoder;
    this.decoder?.[Symbol.dispose]();
    this.decoder = new TelephonyDecoder(codec, 1);
    return this.decoder;
  }
}
