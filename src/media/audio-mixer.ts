/**
 * Stage: the sound. Each tick takes 20 ms from every source, mixes the loudest few, and encodes once
 * for all who are not in the mix and once for each who is, without themselves (N-1).
 * Callers may rely on: exactly one packet with source 0 per tick, one for each source in the mix, and
 * a switch between the two that a decoder follows without a click.
 */
import type { AudioInFrame, MixSettings, SourceId } from '../link/link-messages.js';
import { AudioJitterBuffer } from './audio-jitter-buffer.js';
import { Limiter } from './limiter.js';
import { FRAME_SAMPLES, OpusDecoder, OpusEncoder } from './opus/opus.js';
import { SpeakerSelection } from './speaker-selection.js';

/** The mix of everybody, for those who are not in it. */
export const FULL_MIX: SourceId = 0;
const COMPLEXITY = 5;

export interface MixedPacket {
  readonly source: SourceId;
  readonly data: Uint8Array;
}

interface Source {
  readonly jitter: AudioJitterBuffer;
  readonly decoder: OpusDecoder;
  /** Encodes everybody but this source; there from the start, so that nobody ever hears themselves. */
  readonly own: MixEncoder;
  muted: boolean;
  /** Set from outside; 1 leaves the sound as it is. */
  volume: number;
  /** This tick's sound, and its gain at the start and the end of the tick. */
  pcm: Float32Array;
  gain: number;
  nextGain: number;
}

interface MixEncoder {
  readonly encoder: OpusEncoder;
  readonly limiter: Limiter;
}

function levelDbfs(pcm: Float32Array): number {
  let sum = 0;
  for (let i = 0; i < pcm.length; i++) sum += (pcm[i] as number) ** 2;
  return 10 * Math.log10(sum / pcm.length + 1e-12);
}

export class AudioMixer {
  readonly counters = { audio_encodes: 0, audio_ticks: 0 };
  private readonly sources = new Map<SourceId, Source>();
  private full: MixEncoder | undefined;
  private readonly selection: SpeakerSelection<SourceId>;
  private latestLevels: ReadonlyMap<SourceId, number> = new Map();
  private previousSpeakers: ReadonlySet<SourceId> = new Set();
  private readonly sum: Float32Array;
  private readonly mix: Float32Array;
  private closed = false;

  constructor(private readonly settings: MixSettings) {
    this.selection = new SpeakerSelection({ maxSpeakers: settings.maxSpeakers });
    this.sum = new Float32Array(FRAME_SAMPLES * settings.audioChannels);
    this.mix = new Float32Array(FRAME_SAMPLES * settings.audioChannels);
  }

  /** Opens a source; its packets are taken once this resolves. */
  async addSource(id: SourceId): Promise<void> {
    const decoder = await OpusDecoder.open(this.settings.audioChannels);
    const own = await this.openEncoder();
    if (this.closed || this.sources.has(id)) {
      decoder[Symbol.dispose]();
      own.encoder[Symbol.dispose]();
      return;
    }
    const jitter = new AudioJitterBuffer(decoder);
    this.sources.set(id, {
      jitter,
      decoder,
      own,
      muted: false,
      volume: 1,
      pcm: this.mix,
      gain: 0,
      nextGain: 0,
    });
  }

  removeSource(id: SourceId): void {
    const source = this.sources.get(id);
    if (!source) return;
    this.sources.delete(id);
    source.decoder[Symbol.dispose]();
    source.own.encoder[Symbol.dispose]();
  }

  /** @param volume what the sound is multiplied by; 1 leaves it as it is. */
  setState(id: SourceId, muted: boolean, volume: number): void {
    const source = this.sources.get(id);
    if (!source) return;
    source.muted = muted;
    source.volume = volume;
  }

  push(frame: AudioInFrame): void {
    this.sources.get(frame.source)?.jitter.push(frame);
  }

  jitterBuffer(id: SourceId): AudioJitterBuffer | undefined {
    return this.sources.get(id)?.jitter;
  }

  /** Levels of the last tick in dBFS (RMS over 20 ms); of the muted and the silent, -120. */
  get levels(): ReadonlyMap<SourceId, number> {
    return this.latestLevels;
  }

  /** Who is heard at the moment. */
  get speakers(): ReadonlySet<SourceId> {
    return this.previousSpeakers;
  }

  /** Opens the encoder of the full mix; to be called once before the first tick. */
  async start(): Promise<void> {
    this.full = await this.openEncoder();
  }

  tick(): MixedPacket[] {
    this.counters.audio_ticks++;
    const levels = new Map<SourceId, number>();
    for (const [id, source] of this.sources) {
      const pulled = source.jitter.pull();
      source.pcm = pulled.pcm;
      levels.set(id, pulled.active && !source.muted ? levelDbfs(pulled.pcm) : -120);
    }
    this.latestLevels = levels;
    const chosen = this.selection.update(levels);
    const speakers = new Set<SourceId>();
    this.sum.fill(0);
    for (const [id, source] of this.sources) {
      source.nextGain = chosen.has(id) && !source.muted ? source.volume : 0;
      if (source.gain === 0 && source.nextGain === 0) continue;
      speakers.add(id);
      this.accumulate(this.sum, source, 1);
    }
    const packets: MixedPacket[] = [];
    if (this.full) {
      packets.push(this.encode(FULL_MIX, this.full, this.sum, this.leftTheMix(speakers)));
    }
    for (const id of speakers) packets.push(this.encodeWithout(id));
    for (const source of this.sources.values()) source.gain = source.nextGain;
    this.previousSpeakers = speakers;
    return packets;
  }

  close(): void {
    this.closed = true;
    for (const id of [...this.sources.keys()]) this.removeSource(id);
    this.full?.encoder[Symbol.dispose]();
    this.full = undefined;
  }

  /** Counters of one source, and the delay that its jitter buffer adds. */
  sourceCounts(id: SourceId): Record<string, number> {
    const jitter = this.sources.get(id)?.jitter;
    if (!jitter) return {};
    return { ...jitter.counters, audio_delay_micros: Math.round(jitter.delayMicros) };
  }

  counts(): Record<string, number> {
    const total: Record<string, number> = { ...this.counters };
    for (const { jitter } of this.sources.values()) {
      for (const [name, value] of Object.entries(jitter.counters)) {
        total[name] = (total[name] ?? 0) + value;
      }
    }
    const delays = [...this.sources.values()].map(({ jitter }) => jitter.delayMicros);
    return { ...total, audio_delay_micros_max: Math.round(Math.max(0, ...delays)) };
  }

  /** Adds (or with sign -1 takes out) a source, its gain ramped over the first 5 ms of the tick. */
  private accumulate(into: Float32Array, source: Source, sign: 1 | -1): void {
    const { pcm, gain, nextGain } = source;
    const ramp = gain === nextGain ? 0 : pcm.length >> 2;
    for (let i = 0; i < pcm.length; i++) {
      const g = i < ramp ? gain + ((nextGain - gain) * i) / ramp : nextGain;
      into[i] = (into[i] as number) + sign * g * (pcm[i] as number);
    }
  }

  private leftTheMix(speakers: ReadonlySet<SourceId>): boolean {
    for (const id of this.previousSpeakers) if (!speakers.has(id)) return true;
    return false;
  }

  private encodeWithout(id: SourceId): MixedPacket {
    const source = this.sources.get(id) as Source;
    this.mix.set(this.sum);
    this.accumulate(this.mix, source, -1);
    return this.encode(id, source.own, this.mix, !this.previousSpeakers.has(id));
  }

  private encode(
    source: SourceId,
    mix: MixEncoder,
    pcm: Float32Array,
    switched: boolean,
  ): MixedPacket {
    this.mix.set(pcm);
    mix.limiter.process(this.mix);
    this.counters.audio_encodes++;
    return { source, data: mix.encoder.encode(this.mix, switched) };
  }

  private async openEncoder(): Promise<MixEncoder> {
    const encoder = await OpusEncoder.open({
      channels: this.settings.audioChannels,
      bitrateBps: this.settings.audioBitrateBps,
      complexity: COMPLEXITY,
    });
    return { encoder, limiter: new Limiter() };
  }
}
