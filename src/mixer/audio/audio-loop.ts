/**
 * The audio side of a room. Every 20 ms: mix and encode, send the packets, keep audio and video in
 * sync, and find out who speaks and who dominates.
 */
import type {
  AudioInFrame,
  AudioOutFrame,
  MixSettings,
  SourceId,
  SourceState,
} from '../../link/link-messages.js';
import { RetryGate } from '../../util/retry-gate.js';
import type { StageTimes } from '../../util/stage-times.js';
import type { Micros } from '../../util/units.js';
import type { AvSync } from '../av-sync.js';
import { type Faults, ROOM } from '../faults.js';
import type { MixerTicker, MixerTime } from '../mixer-time.js';
import { TickGuard } from '../tick-guard.js';
import { type AnnouncementKind, type AnnouncementText, announcement } from './announcement.js';
import type { JitterBufferSnapshot } from './audio-jitter-buffer.js';
import { AudioMixer, type AudioMixerSnapshot } from './audio-mixer.js';
import { audioLevel, DominantSpeaker } from './dominant-speaker.js';
import { LOW_RATE_TICKS } from './low-rate-mix.js';

const TICK: Micros = 20_000;
/** Late ticks that are made up for, a fifth of a second of audio, before ticks are skipped. */
const MAX_TICKS_BEHIND = 10;

/** Packets that are kept while a source's codecs are being opened: 400 ms. */
const MAX_EARLY = 20;
/** Before a source's audio that broke is opened again. */
const PAUSES = { firstMs: 100, maxMs: 8000, immediate: true, calmMs: 10_000 };

export interface AudioLoopEvents {
  /** A packet of a mix. */
  frame(frame: AudioOutFrame): void;
  /** Others speak than before. */
  speaking(sources: readonly SourceId[]): void;
  /** Another source dominates than before. */
  dominant(source: SourceId | undefined): void;
  /** The loop cannot go on: the server replaces this process. */
  failed(error: unknown): void;
}

export interface AudioLoopSnapshot extends AudioMixerSnapshot {
  readonly audio_ticks_skipped: number;
}

/** What the audio loop needs to know of a source. */
export interface SyncedSource {
  readonly id: SourceId;
  readonly sync: AvSync;
}

export class AudioLoop {
  private readonly mixer: AudioMixer;
  private readonly dominantSpeaker = new DominantSpeaker<SourceId>();
  private readonly ticker: MixerTicker;
  private readonly guard: TickGuard;
  /** Sources whose codecs are being opened. */
  private readonly opening = new Set<Promise<void>>();
  /** Of the sources that are heard or about to be. */
  private states: ReadonlyMap<SourceId, SourceState> = new Map();
  private listened = false;
  /** Packets of sources whose codecs are being opened. */
  private readonly early = new Map<SourceId, AudioInFrame[]>();
  /** Sources whose audio broke and is not open at present. */
  private readonly broken = new Set<SourceId>();
  private readonly pauses = new RetryGate<SourceId>(PAUSES);
  /** The last {@link AudioLoopEvents.speaking}, as a string. */
  private speakingKey = '';

  /**
   * @param sources all sources of the room.
   * @param stages takes the duration of each tick as `mix`.
   */
  constructor(
    settings: MixSettings,
    private readonly sources: Iterable<SyncedSource>,
    private readonly events: AudioLoopEvents,
    private readonly stages: StageTimes,
    private readonly faults: Faults,
    private readonly time: MixerTime,
  ) {
    this.mixer = new AudioMixer(settings, faults, (owner) => this.restart(owner));
    this.guard = new TickGuard(
      faults,
      () => time.now(),
      (error) => events.failed(error),
    );
    this.ticker = time.ticker(
      TICK,
      MAX_TICKS_BEHIND,
      (due) => this.tick(due),
      (error) => this.guard.failed(error),
    );
  }

  /** Opens the encoders. The first tick comes with {@link startTicks}. */
  open(): Promise<void> {
    return this.mixer.start();
  }

  startTicks(): void {
    this.ticker.start();
  }

  /** Sources that speak and are in the mix. */
  get speakers(): ReadonlySet<SourceId> {
    return this.mixer.speakers;
  }

  /** The dominant speaker; undefined until somebody spoke. */
  get dominant(): SourceId | undefined {
    return this.dominantSpeaker.current;
  }

  /** @param states of all sources; those that are not visible are not heard either. */
  setSources(states: readonly SourceState[]): void {
    const before = this.states;
    const heard = new Map<SourceId, SourceState>();
    for (const state of states) if (state.visible) heard.set(state.id, state);
    this.states = heard;
    for (const id of before.keys()) if (!heard.has(id)) this.mixer.removeSource(id);
    for (const id of this.broken) if (!heard.has(id)) this.broken.delete(id);
    this.pauses.keepOnly(new Set(heard.keys()));
    for (const [id, state] of heard) {
      if (!before.has(id)) this.openSource(state);
      this.mixer.setState(id, state);
    }
  }

  /** @param lowRate participants who get their mixes at the low bitrate. */
  setListeners(listened: boolean, lowRate: readonly SourceId[]): void {
    this.listened = listened;
    this.mixer.setLowRateListeners(lowRate);
  }

  /** @param position of a voice, from -1 (left) to 1 (right). */
  place(source: SourceId, position: number): void {
    this.mixer.place(source, position);
  }

  announce(text: AnnouncementText, kind: AnnouncementKind): void {
    announcement(text, kind)
      .then((pcm) => this.mixer.announce(pcm))
      .catch((error: unknown) => this.faults.caught(ROOM, 'announcement', error));
  }

  push(frame: AudioInFrame): void {
    const early = this.early.get(frame.source);
    if (!early) this.mixer.push(frame);
    else if (early.length < MAX_EARLY) early.push(frame);
  }

  /** @param due when the tick's audio begins. */
  tick(due: Micros): void {
    if (!this.listened) return;
    const start = this.time.now();
    this.reopenBroken(start);
    const packets = this.mixer.tick();
    this.stages.observe('mix', this.time.now() - start);
    this.synchronise(due + TICK);
    packets.forEach(({ data, ...packet }, index) => {
      const bytes = Buffer.from(data.buffer, data.byteOffset, data.byteLength);
      const last = index === packets.length - 1;
      const ptsMicros = packet.low ? due - (LOW_RATE_TICKS - 1) * TICK : due;
      this.events.frame({ kind: 'audio-out', ...packet, ptsMicros, last, data: bytes });
    });
    this.followDominant();
    this.followSpeakers();
    this.guard.passed();
  }

  sourceSnapshot(id: SourceId): JitterBufferSnapshot | undefined {
    return this.mixer.sourceSnapshot(id);
  }

  snapshot(): AudioLoopSnapshot {
    return { ...this.mixer.snapshot(), audio_ticks_skipped: this.ticker.skipped };
  }

  /** Resolves when the sources that are known can be heard. */
  async idle(): Promise<void> {
    await Promise.all(this.opening);
  }

  /** No tick follows once this resolves. */
  stop(): Promise<void> {
    return this.ticker.stop();
  }

  close(): void {
    this.mixer.close();
  }

  private openSource(opened: SourceState): void {
    const { id } = opened;
    this.early.set(id, []);
    const opening = this.mixer
      .addSource(id, opened)
      .then(() => {
        // It may have changed or gone while its codecs were being opened.
        const state = this.states.get(id);
        if (state) this.mixer.setState(id, state);
        else this.mixer.removeSource(id);
        this.pushEarly(id);
      })
      .catch((error: unknown) => {
        this.early.delete(id);
        this.faults.caught(id, 'audio_decode', error);
        this.restart(opened.owner);
      })
      .finally(() => this.opening.delete(opening));
    this.opening.add(opening);
  }

  private pushEarly(id: SourceId): void {
    const early = this.early.get(id) ?? [];
    this.early.delete(id);
    for (const frame of early) this.mixer.push(frame);
  }

  /** The audio of a participant broke: it is opened again, after a pause that grows. */
  private restart(owner: SourceId): void {
    for (const [id, state] of this.states) {
      if (state.owner !== owner) continue;
      this.mixer.drop(id);
      this.pauses.failed(id, this.time.now());
      this.broken.add(id);
    }
  }

  private reopenBroken(now: Micros): void {
    for (const id of this.broken) {
      if (!this.pauses.mayTry(id, now)) continue;
      this.broken.delete(id);
      const state = this.states.get(id);
      if (state) this.openSource(state);
    }
  }

  /** Tells each source's sync what was mixed, and holds its audio for late pictures. */
  private synchronise(mixedAt: Micros): void {
    for (const { id, sync } of this.sources) {
      const jitter = this.mixer.jitterBuffer(id);
      if (!jitter) continue;
      sync.audioMixed(jitter.lastCaptureMicros, mixedAt);
      jitter.extraDelayMicros = sync.audioHold;
    }
  }

  private followDominant(): void {
    const before = this.dominantSpeaker.current;
    const levels = [...this.mixer.levels].map(([id, dbfs]) => [id, audioLevel(dbfs)] as const);
    const source = this.dominantSpeaker.update(new Map(levels));
    if (source !== before) this.events.dominant(source);
  }

  private followSpeakers(): void {
    const speaking = [...this.mixer.speakers];
    const key = speaking.join();
    if (key === this.speakingKey) return;
    this.speakingKey = key;
    this.events.speaking(speaking);
  }
}
