/**
 * Stage: one audio stream from RTP packets to encoded packets, in the order in which they arrive. Takes
 * redundancy apart (RFC 2198) and notices what is missing. Pure; times in microseconds.
 */
import { AUDIO } from '../codecs/codecs.js';
import type { AudioCodec } from '../protocol/codec-names.js';
import type { PayloadFormat } from '../rtp/negotiated-media.js';
import type { RtpPacket } from '../rtp/rtp-packet.js';
import { Unwrapper } from '../rtp/sequence.js';
import { AUDIO_CLOCK_RATE, type Micros, type RtpSequence, type RtpTicks } from '../util/units.js';
import { NackGenerator } from './nack-generator.js';
import { splitRed } from './red-depacketizer.js';
import type { SenderClock } from './sender-clock.js';

/** Audio is played before it could be asked for more often. */
const NACK_TRIES = 4;
/** The audio level that means silence (RFC 6464). */
const SILENCE = 127;

export interface ReceivedAudio {
  readonly codec: AudioCodec;
  readonly sequence: RtpSequence;
  /** At 48 kHz, whatever the codec's clock is. */
  readonly timestamp: RtpTicks;
  /** It came as redundancy in a later packet, or again: its arrival says nothing about jitter. */
  readonly isRepeat: boolean;
  /** The sender says that it is silence (RFC 6464). */
  readonly isSilent: boolean;
  readonly arrivalMicros: Micros;
  /** On the sender's clock; NaN while that is not known. */
  readonly captureMicros: Micros;
  readonly payload: Buffer;
}

export interface AudioStreamOptions {
  readonly codec: AudioCodec;
  readonly clock: SenderClock;
  /** Lost packets may be asked for again. */
  readonly nack: boolean;
  onAudio(packet: ReceivedAudio): void;
  onMalformed(): void;
}

export class AudioStream {
  readonly kind = 'audio';
  /** Undefined where lost packets must not be asked for. */
  readonly nack: NackGenerator | undefined;
  private readonly timestamps = new Unwrapper(32);
  /** Ticks at 48 kHz for one of the codec's clock. */
  private readonly scale: number;

  constructor(private readonly options: AudioStreamOptions) {
    this.scale = AUDIO_CLOCK_RATE / AUDIO[options.codec].clockRate;
    this.nack = options.nack ? new NackGenerator(NACK_TRIES) : undefined;
  }

  /**
   * @param sequence the packet's sequence number, extended.
   * @returns whether it opens a gap: then it is time to ask for what is missing.
   */
  receive(packet: RtpPacket, sequence: number, format: PayloadFormat, now: Micros): boolean {
    const wasLost = this.nack?.isMissing(sequence) ?? false;
    const opensGap = this.nack?.received(sequence, now) ?? false;
    if (packet.payloadType !== format.redPayloadType) {
      this.give(packet, packet.payload, { age: 0, isRepeat: wasLost }, now);
      return opensGap;
    }
    const blocks = splitRed(packet.payload);
    if (!blocks) this.options.onMalformed();
    for (const { payload, payloadType, timestampOffset } of blocks ?? []) {
      if (payloadType !== format.payloadType) continue;
      const isRepeat = wasLost || timestampOffset > 0;
      this.give(packet, payload, { age: timestampOffset, isRepeat }, now);
    }
    return opensGap;
  }

  /** @param age of this payload, in ticks before the packet's timestamp. */
  private give(
    packet: RtpPacket,
    payload: Buffer,
    { age, isRepeat }: { age: number; isRepeat: boolean },
    now: Micros,
  ): void {
    if (payload.length === 0) return;
    const timestamp = (packet.timestamp - age) >>> 0;
    const { codec } = this.options;
    const scaled = this.scale === 1 ? timestamp : this.timestamps.unwrap(timestamp) * this.scale;
    this.options.onAudio({
      codec,
      sequence: packet.sequence,
      timestamp: scaled >>> 0,
      isRepeat,
      // The level is that of the newest block.
      isSilent: age === 0 && packet.audioLevel === SILENCE,
      arrivalMicros: now,
      captureMicros: this.options.clock.captureMicros(timestamp),
      payload,
    });
  }
}
