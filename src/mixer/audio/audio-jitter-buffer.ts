/**
 * Stage: one source's audio, from packets in any order to a steady 20 ms per pull. Packets are
 * placed by RTP timestamp (48 kHz, unwrapped). A pull returns decoded audio, FEC, concealment or
 * silence, and never waits. Time scaling keeps the delay at its target: it may grow with jitter,
 * but not with the age of the room.
 */

import { telephonyPacketSamples } from '../../codecs/ffmpeg/telephony-decoder.js';
import { FRAME_SAMPLES, opusPacketSamples } from '../../codecs/opus/opus.js';
import type { AudioInFrame } from '../../link/link-messages.js';
import { Unwrapper } from '../../rtp/sequence.js';
import type { Micros } from '../../util/units.js';
import { AudioDelayEstimator } from './audio-delay-estimator.js';
import { DelayTrimmer, type DelayTrimmerCounters } from './delay-trimmer.js';
import { type OpusPacket, OpusPacketBuffer } from './opus-packet-buffer.js';
import { PcmFifo } from './pcm-fifo.js';
import { SilenceClaims } from './silence-claims.js';
import type { AudioDecoder } from './source-decoder.js';

/** After this much concealment in a row (100 ms) the source is silent until packets come again. */
const MAX_CONCEALED = 4800;
/** Delay above the target (half a second) that is skipped at once instead of scaled down. */
const SKIP_SAMPLES = 24_000;
/** A larger step of the timestamp (10 s) either way is a new stream on the old SSRC. */
const NEW_STREAM_SAMPLES = 480_000;
/** The longest packet: 120 ms. */
const MAX_PACKET_SAMPLES = 5760;
/** A redundant copy comes with the packet after the lost one: 20 ms after its own time. */
const REPEAT_AFTER: Micros = 20_000;
const SAMPLES_PER_MICRO = 48 / 1000;
const FIFO_FRAMES = 16;

export interface JitterBufferCounters extends DelayTrimmerCounters {
  audio_packets_late: number;
  audio_packets_duplicate: number;
  audio_packets_invalid: number;
  audio_packets_overflow: number;
  /** Lost packets that came as redundancy (RFC 2198). */
  audio_packets_recovered: number;
  /** Packets that were not decoded because there is nothing to hear in them. */
  audio_packets_silent: number;
  audio_frames_decoded: number;
  audio_frames_fec: number;
  /** Samples per channel. */
  audio_samples_concealed: number;
}

export function jitterBufferCounters(): JitterBufferCounters {
  return {
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
}

export interface JitterBufferSnapshot extends JitterBufferCounters {
  /** The delay that the buffer adds at present. */
  readonly audio_delay_micros: number;
}

export interface PulledAudio {
  /** Interleaved, FRAME_SAMPLES per channel; valid until the next pull. */
  readonly pcm: Float32Array;
  /** False if it is silence that nobody sent. */
  readonly active: boolean;
}

export class AudioJitterBuffer {
  readonly counters = jitterBufferCounters();
  /** Sender's clock time of the sample played last; NaN while unknown. */
  lastCaptureMicros: Micros = Number.NaN;
  /** Extra delay that makes the audio wait for a later picture. */
  extraDelayMicros: Micros = 0;
  private readonly packets = new OpusPacketBuffer();
  private readonly unwrapper = new Unwrapper(32);
  private readonly estimator = new AudioDelayEstimator();
  private readonly silenceClaims = new SilenceClaims();
  private readonly trimmer: DelayTrimmer;
  /** Decoded audio. */
  private readonly fifo: PcmFifo;
  /** Timestamp that is decoded next; undefined while nothing is played. */
  private playout: number | undefined;
  /** Samples concealed in a row. */
  private concealed = 0;
  /** No packet was there when one was to be played. */
  private starved = false;
  /**
   * Nothing follows the packets that wait: they are played without waiting for the target delay.
   */
  private wordEnded = false;
  private readonly out: Float32Array;
  private readonly silence: Float32Array;

  constructor(private readonly decoder: AudioDecoder) {
    const { channels } = decoder;
    this.trimmer = new DelayTrimmer(channels, this.counters);
    this.fifo = new PcmFifo(channels, FRAME_SAMPLES * FIFO_FRAMES);
    this.out = new Float32Array(FRAME_SAMPLES * channels);
    this.silence = new Float32Array(FRAME_SAMPLES * channels);
  }

  push(frame: AudioInFrame): void {
    const { packets, estimator } = this;
    const { codec = 'opus' } = frame;
    const samples =
      codec === 'opus' ? opusPacketSamples(frame.data) : telephonyPacketSamples(frame.data);
    if (samples === 0 || samples > MAX_PACKET_SAMPLES) {
      this.counters.audio_packets_invalid++;
      return;
    }
    const timestamp = this.unwrapper.unwrap(frame.timestamp);
    const isNewStream = Math.abs(timestamp - packets.end) > NEW_STREAM_SAMPLES;
    if (Number.isFinite(packets.end) && isNewStream) this.restart();
    const isLate = this.playout !== undefined && timestamp + samples <= this.playout;
    if (frame.isRepeat) {
      // Most redundant copies are of packets that came in time: nothing to do or to count.
      if (packets.wasReceived(timestamp)) return;
      estimator.repeatNeeded(
        (packets.end - timestamp - samples) / SAMPLES_PER_MICRO + REPEAT_AFTER,
      );
    }
    packets.noteReceived(timestamp);
    if (this.playout === undefined && this.silenceClaims.isSilent(frame)) {
      this.counters.audio_packets_silent++;
      // A single packet is comfort noise that the sender renews; several are a word that ended.
      this.wordEnded = packets.size > 1;
      return;
    }
    const mediaMicros = timestamp / SAMPLES_PER_MICRO;
    if (isLate) {
      this.counters.audio_packets_late++;
      if (!frame.isRepeat) {
        estimator.add(frame.arrivalMicros, mediaMicros);
        estimator.late(frame.arrivalMicros, mediaMicros);
      }
      return;
    }
    if (packets.has(timestamp)) {
      this.counters.audio_packets_duplicate++;
      return;
    }
    if (frame.isRepeat) this.counters.audio_packets_recovered++;
    else estimator.add(frame.arrivalMicros, mediaMicros);
    // Play-out had stopped for this packet: it was late, though it can still be played.
    if (this.starved && !frame.isRepeat) {
      this.starved = false;
      estimator.late(frame.arrivalMicros, mediaMicros);
    }
    const { captureMicros, isSilent, data } = frame;
    const fitted = packets.add({ timestamp, samples, captureMicros, isSilent, data, codec });
    if (!fitted) this.counters.audio_packets_overflow++;
  }

  /** Smoothed delay from arrival to play-out. */
  get delayMicros(): Micros {
    return this.trimmer.delay / SAMPLES_PER_MICRO;
  }

  pull(): PulledAudio {
    if (this.playout === undefined && !this.tryStart()) {
      return { pcm: this.silence, active: false };
    }
    const target = this.targetSamples();
    const delay = this.delaySamples();
    this.trimmer.update(delay);
    if (delay > target + SKIP_SAMPLES) this.skipTo(this.packets.end - target);
    while (this.fifo.length < FRAME_SAMPLES && this.playout !== undefined) this.decodeNext(target);
    const available = this.fifo.takeInto(this.out);
    this.lastCaptureMicros += available / SAMPLES_PER_MICRO;
    return { pcm: this.out, active: available > 0 };
  }

  snapshot(): JitterBufferSnapshot {
    return { ...this.counters, audio_delay_micros: Math.round(this.delayMicros) };
  }

  private targetSamples(): number {
    return (this.estimator.targetMicros + this.extraDelayMicros) * SAMPLES_PER_MICRO;
  }

  private delaySamples(): number {
    return this.packets.end - (this.playout as number) + this.fifo.length;
  }

  /** Starts to play once packets for the target delay are there. */
  private tryStart(): boolean {
    const { packets } = this;
    if (packets.size === 0) return false;
    const first = packets.dropBeforePause();
    if (packets.end - first < this.targetSamples() && !this.wordEnded) return false;
    // Skip what piled up beyond the target delay while nobody pulled: it is old.
    const start = packets.newestStart(first, packets.end - this.targetSamples() - FRAME_SAMPLES);
    this.playout = start;
    packets.dropBefore(start);
    this.fifo.clear();
    this.wordEnded = false;
    this.concealed = 0;
    this.trimmer.reset(this.delaySamples());
    return true;
  }

  private decodeNext(target: number): void {
    const playout = this.playout as number;
    const packet = this.packets.at(playout);
    if (!packet) {
      this.concealNext(playout);
      return;
    }
    this.packets.delete(packet.timestamp);
    if (this.silenceClaims.isSilent(packet)) {
      this.fadeOut(packet);
      return;
    }
    let pcm = this.decoder.decode(packet.data, packet.codec ?? 'opus');
    if (!pcm) {
      this.counters.audio_packets_invalid++;
      pcm = this.decoder.conceal(packet.samples);
    } else this.counters.audio_frames_decoded++;
    if (packet.isSilent) this.silenceClaims.check(pcm);
    this.concealed = 0;
    this.playout = packet.timestamp + packet.samples;
    this.lastCaptureMicros = packet.captureMicros - this.fifo.length / SAMPLES_PER_MICRO;
    this.fifo.append(this.trimmer.trim(pcm, target));
  }

  /** The sender fell silent: the last sound fades out, and play-out stops. */
  private fadeOut(silent: OpusPacket): void {
    this.counters.audio_packets_silent++;
    const last = this.decoder.conceal(FRAME_SAMPLES);
    for (let i = 0; i < last.length; i++) last[i] = (last[i] as number) * (1 - i / last.length);
    this.fifo.append(last);
    this.packets.dropUseless(silent.timestamp, (one) => this.silenceClaims.isSilent(one));
    this.stopPlaying();
  }

  private concealNext(playout: number): void {
    if (this.concealed >= MAX_CONCEALED) {
      this.stopPlaying();
      return;
    }
    const following = this.packets.get(playout + FRAME_SAMPLES);
    const fec =
      following && this.decoder.decodeFec(following.data, FRAME_SAMPLES, following.codec ?? 'opus');
    if (fec) this.counters.audio_frames_fec++;
    else this.counters.audio_samples_concealed += FRAME_SAMPLES;
    this.concealed += fec ? 0 : FRAME_SAMPLES;
    this.fifo.append(fec ?? this.decoder.conceal(FRAME_SAMPLES));
    // While no packet is there, play-out stands still: the late packet is played, not lost, and
    // time scaling takes back the delay that this adds.
    if (this.packets.size === 0) this.starved = true;
    else this.playout = Math.min(playout + FRAME_SAMPLES, this.packets.start);
  }

  private skipTo(timestamp: number): void {
    const start = this.packets.oldestStart(timestamp);
    if (start === undefined) return;
    this.playout = start;
    this.packets.dropBefore(start);
    this.fifo.clear();
    this.trimmer.reset(this.delaySamples());
  }

  private stopPlaying(): void {
    this.playout = undefined;
    this.starved = false;
    this.lastCaptureMicros = Number.NaN;
  }

  private restart(): void {
    this.packets.clear();
    this.estimator.reset();
    this.stopPlaying();
  }
}
