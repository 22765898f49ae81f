/**
 * Stage: the mix. Each tick takes 20 ms from every source, sums the loudest few and the audio of
 * shared screens, and encodes the sum once for everybody who is not in it, and once for each who
 * is, without their own audio (N-1). Callers may rely on: exactly one packet with source FULL_MIX
 * per tick, one for each participant in the mix, the packets of the low bitrate as LowRateMix gives
 * them, and switches between them that a decoder follows without a click.
 */

import { FRAME_SAMPLES, OpusDecoder } from '../../codecs/opus/opus.js';
import type { FaultStage } from '../../link/fault-stages.js';
import type { AudioInFrame, MixSettings, SourceId } from '../../link/link-messages.js';
import { addCounters } from '../add-counters.js';
import type { Faults } from '../faults.js';
import { AnnouncementQueue } from './announcement.js';
import {
  AudioJitterBuffer,
  type JitterBufferCounters,
  type JitterBufferSnapshot,
  jitterBufferCounters,
} from './audio-jitter-buffer.js';
import { AudioSource, type AudioSourceState } from './audio-source.js';
import { LowRateMix } from './low-rate-mix.js';
import { MixEncoders } from './mix-encoders.js';
import { SourceDecoder } from './source-decoder.js';
import { SpeakerSelection } from './speaker-selection.js';

/** Source of the packets with the full mix. */
export const FULL_MIX: SourceId = 0;

export interface MixedPacket {
  /** The participant who is not in this mix; FULL_MIX if everybody is. */
  readonly source: SourceId;
  readonly data: Uint8Array;
  /** Of the low bitrate: holds this tick and the ones before it, LOW_RATE_TICKS in all. */
  readonly low: boolean;
  /** A packet of the low bitrate begins with this tick too. */
  readonly lowBegins: boolean;
}

export interface AudioMixerCounters {
  audio_encodes: number;
  audio_encodes_low: number;
  audio_ticks: number;
  /** Participants in the mix, summed over the ticks. */
  audio_speakers: number;
}

export interface AudioMixerSnapshot {
  readonly mixer: AudioMixerCounters;
  /** Sums over the sources that are there. */
  readonly jitterBuffers: JitterBufferCounters;
  /** The largest delay that a jitter buffer adds at present. */
  readonly audio_delay_micros_max: number;
}

export class AudioMixer {
  readonly counters: AudioMixerCounters = {
    audio_encodes: 0,
    audio_encodes_low: 0,
    audio_ticks: 0,
    audio_speakers: 0,
  };
  private readonly sources = new Map<SourceId, AudioSource>();
  private readonly encoders: MixEncoders;
  private readonly lowRate: LowRateMix;
  private readonly selection: SpeakerSelection<SourceId>;
  private readonly announcements = new AnnouncementQueue();
  private latestLevels: ReadonlyMap<SourceId, number> = new Map();
  private talking: ReadonlySet<SourceId> = new Set();
  /** Whose audio was in the last tick's mix. */
  private previousOwners: ReadonlySet<SourceId> = new Set();
  /** The full mix of this tick. */
  private readonly sum: Float32Array;
  /** The mix without somebody's audio. */
  private readonly minus: Float32Array;
  private closed = false;

  /** @param broke a participant's audio broke; called once it has been dropped from the tick. */
  constructor(
    private readonly settings: MixSettings,
    private readonly faults: Faults,
    private readonly broke: (owner: SourceId) => void,
  ) {
    const { audioChannels: channels, audioBitrateBps, lowAudioBitrateBps } = settings;
    this.encoders = new MixEncoders({ channels, bitrateBps: audioBitrateBps });
    this.lowRate = new LowRateMix({ channels, bitrateBps: lowAudioBitrateBps }, faults);
    this.selection = new SpeakerSelection({ maxSpeakers: settings.maxSpeakers });
    this.sum = new Float32Array(FRAME_SAMPLES * channels);
    this.minus = new Float32Array(FRAME_SAMPLES * channels);
  }

  /** Opens the encoder of the full mix; to be called once before the first tick. */
  start(): Promise<void> {
    return this.encoders.start();
  }

  /** Opens a source; its packets are taken once this resolves. */
  async addSource(id: SourceId, state: AudioSourceState): Promise<void> {
    const { audioChannels, stereoPlacement } = this.settings;
    // A voice that is placed between left and right is mono.
    const channels = stereoPlacement && state.kind === 'camera' ? 1 : audioChannels;
    const decoder = new SourceDecoder(await OpusDecoder.open(channels));
    const encoder = await this.encoders.open();
    if (this.closed || this.sources.get(id)?.leaving === false) {
      decoder[Symbol.dispose]();
      encoder[Symbol.dispose]();
      return;
    }
    // A source with this id may still be fading out: its encoder goes with it.
    this.drop(id);
    this.encoders.add(state.owner, encoder);
    const jitter = new AudioJitterBuffer(decoder);
    this.sources.set(id, new AudioSource(jitter, decoder, state, this.settings));
  }

  /** Fades a source out over the next tick and then drops it. */
  removeSource(id: SourceId): void {
    const source = this.sources.get(id);
    if (!source) return;
    source.leaving = true;
    if (source.gain === 0) this.drop(id);
  }

  /** Drops a source at once. */
  drop(id: SourceId): void {
    const source = this.sources.get(id);
    if (!source) return;
    this.sources.delete(id);
    source[Symbol.dispose]();
    const others = [...this.sources.values()].some(({ owner }) => owner === source.owner);
    if (!others) this.encoders.remove(source.owner);
  }

  setState(id: SourceId, state: AudioSourceState): void {
    this.sources.get(id)?.setState(state);
  }

  /** @param position of a voice, from -1 (left) to 1 (right); without effect on a mono mix. */
  place(id: SourceId, position: number): void {
    this.sources.get(id)?.place(position);
  }

  push(frame: AudioInFrame): void {
    const source = this.sources.get(frame.source);
    if (source) this.faults.guard(frame.source, 'receive', () => source.jitter.push(frame));
  }

  jitterBuffer(id: SourceId): AudioJitterBuffer | undefined {
    return this.sources.get(id)?.jitter;
  }

  /**
   * Levels of participants in the last tick, in dBFS (RMS over 20 ms). SILENT_DBFS for those who
   * are muted, silent, or give nothing but noise.
   */
  get levels(): ReadonlyMap<SourceId, number> {
    return this.latestLevels;
  }

  /** Participants in the last tick's mix who were speaking. */
  get speakers(): ReadonlySet<SourceId> {
    return this.talking;
  }

  /** @param ids participants who get their mixes at the low bitrate; FULL_MIX for viewers. */
  setLowRateListeners(ids: readonly SourceId[]): void {
    this.lowRate.setListeners(ids);
  }

  /** Adds an announcement to what everybody hears. @param pcm mono, whole ticks. */
  announce(pcm: Float32Array): void {
    this.announcements.add(pcm);
  }

  /** Mixes and encodes the next 20 ms. */
  tick(): MixedPacket[] {
    this.counters.audio_ticks++;
    const chosen = this.selection.update(this.pullAll());
    const owners = this.mixSources(chosen);
    this.announcements.addTo(this.sum, this.settings.audioChannels);
    const packets = this.encodeAll(owners);
    for (const [id, source] of this.sources) {
      source.endTick();
      if (source.leaving) this.drop(id);
    }
    this.encoders.remember(this.sum);
    this.previousOwners = owners;
    return packets;
  }

  close(): void {
    this.closed = true;
    for (const id of [...this.sources.keys()]) this.drop(id);
    this.encoders.close();
    this.lowRate.close();
  }

  /** Counters of one source's jitter buffer; undefined if it has none. */
  sourceSnapshot(id: SourceId): JitterBufferSnapshot | undefined {
    return this.sources.get(id)?.jitter.snapshot();
  }

  snapshot(): AudioMixerSnapshot {
    const jitterBuffers = jitterBufferCounters();
    let delay = 0;
    for (const { jitter } of this.sources.values()) {
      addCounters(jitterBuffers, jitter.counters);
      delay = Math.max(delay, jitter.delayMicros);
    }
    return {
      mixer: { ...this.counters },
      jitterBuffers,
      audio_delay_micros_max: Math.round(delay),
    };
  }

  /** Takes 20 ms from every source. @returns levels of participants. */
  private pullAll(): ReadonlyMap<SourceId, number> {
    const levels = new Map<SourceId, number>();
    for (const [id, source] of this.sources) {
      try {
        source.pull();
      } catch (error) {
        this.fault(id, source.owner, 'audio_decode', error);
        continue;
      }
      if (source.isScreen || source.leaving) continue;
      levels.set(id, source.levelDbfs);
    }
    this.latestLevels = levels;
    return levels;
  }

  /** Sums the chosen participants and all screens. @returns whose audio is in the mix. */
  private mixSources(chosen: ReadonlySet<SourceId>): ReadonlySet<SourceId> {
    const owners = new Set<SourceId>();
    const talking = new Set<SourceId>();
    this.sum.fill(0);
    for (const [id, source] of this.sources) {
      try {
        const heard = source.isScreen ? source.active : chosen.has(id);
        source.fadeTo(heard);
        if (heard && source.speaks) talking.add(id);
        if (!source.sounds) continue;
        source.addTo(this.sum, 1);
        owners.add(source.owner);
      } catch (error) {
        this.fault(id, source.owner, 'audio_mix', error);
      }
    }
    this.counters.audio_speakers += owners.size;
    this.talking = talking;
    return owners;
  }

  private encodeAll(owners: ReadonlySet<SourceId>): MixedPacket[] {
    const packets: MixedPacket[] = [];
    const add = (source: SourceId, data: Uint8Array | undefined) => {
      if (!data) return;
      this.counters.audio_encodes++;
      packets.push({ source, data, low: false, lowBegins: this.lowRate.begins });
    };
    add(FULL_MIX, this.encoders.encodeFull(this.sum, this.hasLost(owners)));
    for (const owner of owners) {
      const isSwitch = !this.previousOwners.has(owner);
      try {
        add(
          owner,
          this.encoders.encodeOwn(owner, () => this.mixWithout(owner), isSwitch),
        );
      } catch (error) {
        this.fault(owner, owner, 'audio_encode', error);
      }
    }
    const low = this.lowRate.add(this.sum, (id) =>
      owners.has(id) ? this.mixWithout(id) : undefined,
    );
    this.counters.audio_encodes_low += low.length;
    for (const packet of low) packets.push({ ...packet, low: true, lowBegins: false });
    return packets;
  }

  /** Whether somebody was in the last mix who is not in this one. */
  private hasLost(owners: ReadonlySet<SourceId>): boolean {
    for (const id of this.previousOwners) if (!owners.has(id)) return true;
    return false;
  }

  /**
   * The mix without a participant's audio (and that of their screen); valid until the next call.
   */
  private mixWithout(owner: SourceId): Float32Array {
    this.minus.set(this.sum);
    for (const source of this.sources.values()) {
      if (source.owner === owner && source.sounds) source.addTo(this.minus, -1);
    }
    return this.minus;
  }

  /** A source whose audio breaks is out of the mix at once, and its owner hears the others. */
  private fault(id: SourceId, owner: SourceId, stage: FaultStage, error: unknown): void {
    this.faults.caught(id, stage, error);
    this.broke(owner);
  }
}
