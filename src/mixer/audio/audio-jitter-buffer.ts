/**
 * Stage: one participant's sound, from Opus packets in any order to a steady 20 ms per pull.
 * Packets are placed by RTP timestamp (48 kHz, unwrapped). A pull gives decoded sound, FEC,
 * concealment or silence, never waits, and keeps the delay at its target by time scaling: it may
 * grow with jitter, never with the age of the room.
 */

import { FRAME_SAMPLES, type OpusDecoder, opusPacketSamples } from '../../codecs/opus/opus.js';
import type { AudioInFrame } from '../../link/link-messages.js';
import { Unwrapper } from '../../rtp/sequence.js';
import type { Micros } from '../../util/units.js';
import { AudioDelayEstimator } from './audio-delay-estimator.js';
import { levelDbfs } from './pcm-level.js';
import { accelerate, expand } from './time-scale.js';

/** Packets held at most: 2 s of 20 ms packets. More is a fault of the sender, and the oldest go. */
const MAX_PACKETS = 100;
/** After so much concealment in a row (samples) the source is silent until packets come again. */
const MAX_CONCEALED = 4800;
/** Delay above the target that is caught up, and below it that is let grow. */
const SLACK_SAMPLES = 720;
/** Delay above the target that is skipped at once: nobody wants to hear it late. */
const SKIP_SAMPLES = 24_000;
/** A repeat comes with the packet after the lost one: 20 ms after its own time. */
const REPEAT_AFTER: Micros = 20_000;
const SAMPLES_PER_MICRO = 48 / 1000;
/** Between two packets; what is lost in a row is shorter. */
const PAUSE_SAMPLES = 4800;
/** Opus packets up to this size have nothing but the TOC: the sender is silent (RFC 6716, 2.1.9). */
const DTX_BYTES = 2;
/** So many packets in a row must be as silent as the sender says before it is taken at its word. */
const TRUSTED_AFTER = 50;
/** What may be called silence. */
const SILENCE_DBFS = -80;

interface Packet {
  readonly timestamp: number;
  readonly samples: number;
  readonly captureMicros: Micros;
  readonly isSilent: boolean;
  readonly data: Buffer;
}

export interface PulledAudio {
  /** Interleaved, FRAME_SAMPLES per channel; valid until the next pull. */
  readonly pcm: Float32Array;
  /** Whether anything but silence may be in it. */
  readonly active: boolean;
}

export class AudioJitterBuffer {
  readonly counters = {
    audio_packets_late: 0,
    audio_packets_duplicate: 0,
    audio_packets_invalid: 0,
    audio_packets_overflow: 0,
    audio_packets_recovered: 0,
    audio_packets_silent: 0,
    audio_frames_decoded: 0,
    audio_frames_fec: 0,
    audio_samples_concealed: 0,
    audio_periods_removed: 0,
    audio_periods_added: 0,
  };
  /** Sender's clock time of the sample played last; NaN while unknown. */
  lastCaptureMicros: Micros = Number.NaN;
  /** Extra delay asked for so that sound waits for a later picture. */
  extraDelayMicros: Micros = 0;
  private readonly packets = new Map<number, Packet>();
  /** Timestamps of the packets that came last, played or not. */
  private readonly received = new Set<number>();
  private readonly unwrapper = new Unwrapper(32);
  private readonly estimator = new AudioDelayEstimator();
  /** Timestamp that will be decoded next; undefined while silent. */
  private playout: number | undefined;
  private highest = Number.NEGATIVE_INFINITY;
  private fifo: Float32Array;
  private fifoLength = 0;
  private concealed = 0;
  /** Nothing was there when something was to be played. */
  private starved = false;
  private levelFiltered = 0;
  private sinceScaled = 0;
  /** Packets in a row that were as silent as the sender said; NaN once one was not. */
  private silencesHeld = 0;
  /** Nothing follows what waits to be played, which may be less than is waited for else. */
  private wordEnded = false;
  private readonly out: Float32Array;
  private readonly silence: Float32Array;

  constructor(private readonly decoder: OpusDecoder) {
    this.fifo = new Float32Array(FRAME_SAMPLES * 16 * decoder.channels);
    this.out = new Float32Array(FRAME_SAMPLES * decoder.channels);
    this.silence = new Float32Array(FRAME_SAMPLES * decoder.channels);
  }

  push(frame: AudioInFrame): void {
    const samples = opusPacketSamples(frame.data);
    if (samples === 0) {
      this.counters.audio_packets_invalid++;
      return;
    }
    const timestamp = this.unwrapper.unwrap(frame.timestamp);
    // A jump of more than 10 s either way is a new stream on the old SSRC.
    if (Number.isFinite(this.highest) && Math.abs(timestamp - this.highest) > 480_000)
      this.restart();
    const late = this.playout !== undefined && timestamp + samples <= this.playout;
    // Most repeats are of what came in time: nothing to see or to count.
    if (frame.isRepeat && this.received.has(timestamp)) return;
    if (frame.isRepeat) {
      this.estimator.repeatNeeded(
        (this.highest - timestamp - samples) / SAMPLES_PER_MICRO + REPEAT_AFTER,
      );
    }
    this.remember(timestamp);
    // Nothing is played, and with this there would be nothing to hear.
    if (this.playout === undefined && this.isNothing(frame)) {
      this.counters.audio_packets_silent++;
      // A lone packet is the comfort noise that senders renew; more were a word.
      this.wordEnded = this.packets.size > 1;
      return;
    }
    if (late) {
      this.counters.audio_packets_late++;
      if (!frame.isRepeat) {
        const media = timestamp / SAMPLES_PER_MICRO;
        this.estimator.add(frame.arrivalMicros, media);
        this.estimator.late(frame.arrivalMicros, media);
      }
      return;
    }
    if (this.packets.has(timestamp)) {
      this.counters.audio_packets_duplicate++;
      return;
    }
    if (frame.isRepeat) this.counters.audio_packets_recovered++;
    else this.estimator.add(frame.arrivalMicros, timestamp / SAMPLES_PER_MICRO);
    // It was waited for in vain, though its time stood still.
    if (this.starved && !frame.isRepeat) {
      this.starved = false;
      this.estimator.late(frame.arrivalMicros, timestamp / SAMPLES_PER_MICRO);
    }
    const { captureMicros, isSilent, data } = frame;
    this.packets.set(timestamp, { timestamp, samples, captureMicros, isSilent, data });
    this.highest = Math.max(this.highest, timestamp + samples);
    if (this.packets.size > MAX_PACKETS) {
      this.packets.delete(Math.min(...this.packets.keys()));
      this.counters.audio_packets_overflow++;
    }
  }

  private remember(timestamp: number): void {
    this.received.add(timestamp);
    if (this.received.size > MAX_PACKETS) {
      this.received.delete(this.received.values().next().value as number);
    }
  }

  /** Delay between what is played now and what has arrived, in microseconds. */
  get delayMicros(): Micros {
    return this.levelFiltered / SAMPLES_PER_MICRO;
  }

  pull(): PulledAudio {
    const { channels } = this.decoder;
    if (this.playout === undefined && !this.tryStart()) {
      return { pcm: this.silence, active: false };
    }
    const target = this.targetSamples();
    const level = this.levelSamples();
    this.levelFiltered += (level - this.levelFiltered) * 0.1;
    if (level > target + SKIP_SAMPLES) this.skipTo(this.highest - target);
    while (this.fifoLength < FRAME_SAMPLES && this.playout !== undefined) this.decodeNext(target);
    const available = Math.min(this.fifoLength, FRAME_SAMPLES);
    this.out.fill(0);
    this.out.set(this.fifo.subarray(0, available * channels));
    this.fifo.copyWithin(0, available * channels, this.fifoLength * channels);
    this.fifoLength -= available;
    this.lastCaptureMicros += available / SAMPLES_PER_MICRO;
    return { pcm: this.out, active: available > 0 };
  }

  private targetSamples(): number {
    return (this.estimator.targetMicros + this.extraDelayMicros) * SAMPLES_PER_MICRO;
  }

  private levelSamples(): number {
    return this.highest - (this.playout as number) + this.fifoLength;
  }

  /** Begins to play once the target's worth of sound is there. */
  private tryStart(): boolean {
    if (this.packets.size === 0) return false;
    const first = this.dropBeforePause();
    if (this.highest - first < this.targetSamples() && !this.wordEnded) return false;
    // What piled up beyond the target while nobody pulled is old: leave it.
    const wanted = this.highest - this.targetSamples() - FRAME_SAMPLES;
    let start = first;
    for (const timestamp of this.packets.keys()) {
      if (timestamp <= wanted && timestamp > start) start = timestamp;
    }
    this.playout = start;
    this.dropBefore(start);
    this.fifoLength = 0;
    this.wordEnded = false;
    this.concealed = 0;
    this.levelFiltered = this.levelSamples();
    return true;
  }

  /** What came before a pause is long over. @returns when the sound after it begins. */
  private dropBeforePause(): number {
    const packets = [...this.packets.values()].sort((a, b) => b.timestamp - a.timestamp);
    const [newest] = packets as [Packet];
    this.highest = newest.timestamp + newest.samples;
    let first = newest.timestamp;
    for (const { timestamp, samples } of packets) {
      if (first - timestamp - samples > PAUSE_SAMPLES) break;
      first = timestamp;
    }
    this.dropBefore(first);
    return first;
  }

  private decodeNext(target: number): void {
    const playout = this.playout as number;
    const packet = this.packets.get(playout) ?? this.overlapping(playout);
    if (!packet) {
      this.concealNext(playout);
      return;
    }
    this.packets.delete(packet.timestamp);
    if (this.isNothing(packet)) {
      this.rest(packet);
      return;
    }
    let pcm = this.decoder.decode(packet.data);
    if (!pcm) {
      this.counters.audio_packets_invalid++;
      pcm = this.decoder.conceal(packet.samples);
    } else this.counters.audio_frames_decoded++;
    if (packet.isSilent) this.checkSilence(pcm);
    this.concealed = 0;
    this.playout = packet.timestamp + packet.samples;
    this.lastCaptureMicros = packet.captureMicros - this.fifoLength / SAMPLES_PER_MICRO;
    this.append(this.scale(pcm, target));
  }

  /** Discontinuous transmission, or a sender that says so and has been found to be right. */
  private isNothing({ data, isSilent }: Pick<Packet, 'data' | 'isSilent'>): boolean {
    return data.length <= DTX_BYTES || (isSilent && this.silencesHeld >= TRUSTED_AFTER);
  }

  private checkSilence(pcm: Float32Array): void {
    if (levelDbfs(pcm) > SILENCE_DBFS) this.silencesHeld = Number.NaN;
    else this.silencesHeld++;
  }

  /** The sender is silent: the last sound fades, and what comes next begins anew. */
  private rest(packet: Packet): void {
    this.counters.audio_packets_silent++;
    const last = this.decoder.conceal(FRAME_SAMPLES);
    for (let i = 0; i < last.length; i++) last[i] = (last[i] as number) * (1 - i / last.length);
    this.append(last);
    for (const [timestamp, one] of this.packets) {
      if (timestamp < packet.timestamp || this.isNothing(one)) this.packets.delete(timestamp);
    }
    this.stopPlaying();
  }

  /** A packet whose span covers the play-out point without starting at it (the sender re-framed). */
  private overlapping(playout: number): Packet | undefined {
    for (const packet of this.packets.values()) {
      if (packet.timestamp < playout && packet.timestamp + packet.samples > playout) return packet;
    }
    return undefined;
  }

  private concealNext(playout: number): void {
    if (this.concealed >= MAX_CONCEALED) {
      this.stopPlaying();
      return;
    }
    const following = this.packets.get(playout + FRAME_SAMPLES);
    const fec = following && this.decoder.decodeFec(following.data, FRAME_SAMPLES);
    if (fec) this.counters.audio_frames_fec++;
    else this.counters.audio_samples_concealed += FRAME_SAMPLES;
    this.concealed += fec ? 0 : FRAME_SAMPLES;
    this.append(fec ?? this.decoder.conceal(FRAME_SAMPLES));
    // When nothing at all has come, time stands still: the late packet will be played, not lost,
    // and the delay that this adds is taken back by time scaling.
    if (this.packets.size === 0) this.starved = true;
    else this.playout = Math.min(playout + FRAME_SAMPLES, this.nextTimestamp());
  }

  private nextTimestamp(): number {
    return Math.min(...this.packets.keys());
  }

  /** One block at a time, and only every fifth: scaling that often is not heard in speech. */
  private scale(pcm: Float32Array, target: number): Float32Array {
    const { channels } = this.decoder;
    this.sinceScaled++;
    if (pcm.length < FRAME_SAMPLES * channels || this.sinceScaled < 3) return pcm;
    const excess = this.levelFiltered - target;
    let scaled = pcm;
    if (excess > SLACK_SAMPLES) {
      scaled = accelerate(pcm, channels);
      if (scaled !== pcm) this.counters.audio_periods_removed++;
    } else if (excess < -SLACK_SAMPLES) {
      scaled = expand(pcm, channels);
      if (scaled !== pcm) this.counters.audio_periods_added++;
    }
    if (scaled !== pcm) {
      this.sinceScaled = 0;
      this.levelFiltered += (scaled.length - pcm.length) / channels;
    }
    return scaled;
  }

  private append(pcm: Float32Array): void {
    const { channels } = this.decoder;
    const needed = this.fifoLength * channels + pcm.length;
    if (needed > this.fifo.length) {
      const larger = new Float32Array(needed * 2);
      larger.set(this.fifo.subarray(0, this.fifoLength * channels));
      this.fifo = larger;
    }
    this.fifo.set(pcm, this.fifoLength * channels);
    this.fifoLength += pcm.length / channels;
  }

  private skipTo(timestamp: number): void {
    const later = [...this.packets.keys()].filter((at) => at >= timestamp);
    if (later.length === 0) return;
    this.playout = Math.min(...later);
    this.dropBefore(this.playout);
    this.fifoLength = 0;
    this.levelFiltered = this.levelSamples();
  }

  private dropBefore(timestamp: number): void {
    for (const at of this.packets.keys()) if (at < timestamp) this.packets.delete(at);
  }

  private stopPlaying(): void {
    this.playout = undefined;
    this.starved = false;
    this.lastCaptureMicros = Number.NaN;
  }

  private restart(): void {
    this.packets.clear();
    this.received.clear();
    this.estimator.reset();
    this.highest = Number.NEGATIVE_INFINITY;
    this.stopPlaying();
  }
}
