/**
 * Stage: the sound. Each tick takes 20 ms from every source, mixes the loudest few and the sound of
 * shared screens, and encodes once for all who are not in the mix and once for each who is, without
 * what is theirs (N-1). Callers may rely on: exactly one packet with source 0 per tick, one for each
 * participant in the mix, those of the low bitrate as LowRateMix gives them, and switches between them
 * that a decoder follows without a click.
 */

import { FRAME_SAMPLES, OpusDecoder, OpusEncoder } from '../../codecs/opus/opus.js';
import type { AudioInFrame, MixSettings, SourceId, SourceState } from '../../link/link-messages.js';
import { AudioJitterBuffer } from './audio-jitter-buffer.js';
import { AudioSource } from './audio-source.js';
import { Limiter } from './limiter.js';
import { LowRateMix } from './low-rate-mix.js';
import { SpeakerSelection } from './speaker-selection.js';

/** The mix of everybody, for those who are not in it. */
export const FULL_MIX: SourceId = 0;
const COMPLEXITY = 5;
/** Ticks of the mix that an encoder hears before it is listened to. */
const PRIMING_TICKS = 3;

export interface MixedPacket {
  /** Whose own mix it is. */
  readonly source: SourceId;
  readonly data: Uint8Array;
  /** Of the low bitrate: this tick and the ones before it, LOW_RATE_TICKS in all. */
  readonly low: boolean;
  /** One of the low bitrate begins with this tick too. */
  readonly lowBegins: boolean;
}

/** What the mixer has to know of a source. */
export type AudioSourceState = Pick<SourceState, 'owner' | 'kind' | 'audioOn' | 'gain'>;

interface MixEncoder {
  readonly encoder: OpusEncoder;
  readonly limiter: Limiter;
}

export class AudioMixer {
  readonly counters = {
    audio_encodes: 0,
    audio_encodes_low: 0,
    audio_ticks: 0,
    /** Those in the mix, summed over its ticks. */
    audio_speakers: 0,
  };
  private readonly sources = new Map<SourceId, AudioSource>();
  /**
   * By participant, of everybody but them; there before their source is, so that nobody ever hears
   * themselves.
   */
  private readonly own = new Map<SourceId, MixEncoder>();
  private full: MixEncoder | undefined;
  private readonly lowRate: LowRateMix;
  private readonly selection: SpeakerSelection<SourceId>;
  private latestLevels: ReadonlyMap<SourceId, number> = new Map();
  private talking: ReadonlySet<SourceId> = new Set();
  /** Who had a part in the last tick's mix. */
  private previousOwners: ReadonlySet<SourceId> = new Set();
  /** The full mix of the last ticks, the oldest first. */
  private readonly history: Float32Array[];
  private readonly sum: Float32Array;
  private readonly mix: Float32Array;
  /** What is left to be said, the first being said. */
  private readonly announcements: Float32Array[] = [];
  private closed = false;

  constructor(
    private readonly settings: MixSettings,
    failed: (error: unknown) => void,
  ) {
    const { audioChannels: channels, lowAudioBitrateBps: bitrateBps } = settings;
    this.lowRate = new LowRateMix({ channels, bitrateBps }, failed);
    this.selection = new SpeakerSelection({ maxSpeakers: settings.maxSpeakers });
    const empty = () => new Float32Array(FRAME_SAMPLES * settings.audioChannels);
    this.history = Array.from({ length: PRIMING_TICKS }, empty);
    this.sum = empty();
    this.mix = empty();
  }

  /** Opens a source; its packets are taken once this resolves. */
  async addSource(id: SourceId, state: AudioSourceState): Promise<void> {
    const { audioChannels, stereoPlacement } = this.settings;
    // A voice that is given a place is one voice.
    const channels = stereoPlacement && state.kind === 'camera' ? 1 : audioChannels;
    const decoder = await OpusDecoder.open(channels);
    const own = await this.openEncoder();
    if (this.closed || this.sources.get(id)?.leaving === false) {
      decoder[Symbol.dispose]();
      own.encoder[Symbol.dispose]();
      return;
    }
    // One that was on its way out takes its encoder with it.
    this.drop(id);
    if (this.own.has(state.owner)) own.encoder[Symbol.dispose]();
    else this.own.set(state.owner, own);
    const jitter = new AudioJitterBuffer(decoder);
    this.sources.set(id, new AudioSource(jitter, decoder, state, this.settings));
  }

  /** Fades it out with the next tick; it is heard no more from then on. */
  removeSource(id: SourceId): void {
    const source = this.sources.get(id);
    if (!source) return;
    source.leaving = true;
    if (source.gain === 0) this.drop(id);
  }

  setState(id: SourceId, state: AudioSourceState): void {
    this.sources.get(id)?.setState(state);
  }

  /** @param position of a voice from left, -1, to right, 1; without effect on a mono mix. */
  place(id: SourceId, position: number): void {
    this.sources.get(id)?.place(position);
  }

  push(frame: AudioInFrame): void {
    this.sources.get(frame.source)?.jitter.push(frame);
  }

  jitterBuffer(id: SourceId): AudioJitterBuffer | undefined {
    return this.sources.get(id)?.jitter;
  }

  /**
   * Levels of participants in the last tick in dBFS (RMS over 20 ms); of the muted, the silent and
   * those who make nothing but noise, -120.
   */
  get levels(): ReadonlyMap<SourceId, number> {
    return this.latestLevels;
  }

  /** Who is heard and says something at the moment. */
  get speakers(): ReadonlySet<SourceId> {
    return this.talking;
  }

  /** Opens the encoder of the full mix; to be called once before the first tick. */
  async start(): Promise<void> {
    this.full = await this.openEncoder();
  }

  /** @param ids participants who are to get their mixes at the low bitrate, 0 for viewers. */
  setLowRateListeners(ids: readonly SourceId[]): void {
    this.lowRate.setListeners(ids);
  }

  /** Adds sound of the room's own to what everybody hears. @param pcm mono, whole ticks. */
  announce(pcm: Float32Array): void {
    this.announcements.push(pcm);
  }

  tick(): MixedPacket[] {
    this.counters.audio_ticks++;
    const chosen = this.selection.update(this.pullAll());
    const owners = new Set<SourceId>();
    const talking = new Set<SourceId>();
    this.sum.fill(0);
    for (const [id, source] of this.sources) {
      const heard = source.isScreen ? source.active : chosen.has(id);
      source.fadeTo(heard);
      if (heard && source.speaks) talking.add(id);
      if (!source.sounds) continue;
      owners.add(source.owner);
      source.addTo(this.sum, 1);
    }
    this.counters.audio_speakers += owners.size;
    this.addAnnouncement();
    const packets: MixedPacket[] = [];
    if (this.full) {
      packets.push(this.encode(FULL_MIX, this.full, this.sum, this.leftTheMix(owners)));
    }
    for (const owner of owners) packets.push(...this.encodeWithout(owner));
    const low = this.lowRate.add(this.sum, (id) => (owners.has(id) ? this.without(id) : undefined));
    this.counters.audio_encodes_low += low.length;
    packets.push(...low.map((packet) => ({ ...packet, low: true, lowBegins: false })));
    for (const [id, source] of this.sources) {
      source.faded();
      if (source.leaving) this.drop(id);
    }
    this.remember();
    this.previousOwners = owners;
    this.talking = talking;
    return packets;
  }

  close(): void {
    this.closed = true;
    for (const id of [...this.sources.keys()]) this.drop(id);
    for (const owner of [...this.own.keys()]) this.dropEncoder(owner);
    this.full?.encoder[Symbol.dispose]();
    this.full = undefined;
    this.lowRate.close();
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

  /** Takes this tick's sound of everybody. @returns levels of participants. */
  private pullAll(): ReadonlyMap<SourceId, number> {
    const levels = new Map<SourceId, number>();
    for (const [id, source] of this.sources) {
      source.pull();
      if (source.isScreen || source.leaving) continue;
      levels.set(id, source.levelDbfs);
    }
    this.latestLevels = levels;
    return levels;
  }

  private drop(id: SourceId): void {
    const source = this.sources.get(id);
    if (!source) return;
    this.sources.delete(id);
    source[Symbol.dispose]();
    const others = [...this.sources.values()].some(({ owner }) => owner === source.owner);
    if (!others) this.dropEncoder(source.owner);
  }

  private dropEncoder(owner: SourceId): void {
    this.own.get(owner)?.encoder[Symbol.dispose]();
    this.own.delete(owner);
  }

  private leftTheMix(owners: ReadonlySet<SourceId>): boolean {
    for (const id of this.previousOwners) if (!owners.has(id)) return true;
    return false;
  }

  private encodeWithout(owner: SourceId): MixedPacket[] {
    const own = this.own.get(owner);
    if (!own) return [];
    const isNew = !this.previousOwners.has(owner);
    if (isNew) this.prime(own);
    return [this.encode(owner, own, this.without(owner), isNew)];
  }

  /** The mix without what is somebody's, until it is made again. */
  private without(owner: SourceId): Float32Array {
    this.mix.set(this.sum);
    for (const source of this.sources.values()) {
      if (source.owner === owner && source.sounds) source.addTo(this.mix, -1);
    }
    return this.mix;
  }

  /**
   * Lets an encoder hear what its listener got from another one until now: the end of one frame and
   * the beginning of the next overlap, and would not fit.
   */
  private prime({ encoder, limiter }: MixEncoder): void {
    for (const pcm of this.history) {
      this.mix.set(pcm);
      limiter.process(this.mix);
      encoder.encode(this.mix, false);
    }
  }

  /** 20 ms of the announcement that is being made. */
  private addAnnouncement(): void {
    const [current] = this.announcements;
    if (!current) return;
    const { audioChannels: channels } = this.settings;
    for (let i = 0; i < this.sum.length; i++) {
      this.sum[i] = (this.sum[i] as number) + (current[Math.floor(i / channels)] ?? 0);
    }
    if (current.length > FRAME_SAMPLES) this.announcements[0] = current.subarray(FRAME_SAMPLES);
    else this.announcements.shift();
  }

  private remember(): void {
    const oldest = this.history.shift() as Float32Array;
    oldest.set(this.sum);
    this.history.push(oldest);
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
    const data = mix.encoder.encode(this.mix, switched);
    return { source, data, low: false, lowBegins: this.lowRate.begins };
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
