/** One voice, or the audio of a screen, on its way into the mix: gate, loudness, place, fades. */

import type { MixSettings, SourceId, SourceState } from '../../link/link-messages.js';
import type { AudioJitterBuffer } from './audio-jitter-buffer.js';
import { LoudnessControl } from './loudness-control.js';
import { NoiseGate } from './noise-gate.js';
import { levelDbfs, SILENT_DBFS } from './pcm-level.js';
import type { AudioDecoder } from './source-decoder.js';

/** How far to the side a tile at the edge of the canvas is heard; 1 would be all the way. */
const WIDTH = 0.7;
/** Share of a tick that a fade takes: 5 ms. */
const FADE_SHARE = 0.25;

/** What the mixer needs to know of a source. */
export type AudioSourceState = Pick<SourceState, 'owner' | 'kind' | 'audioOn' | 'gain'>;

export class AudioSource implements Disposable {
  readonly owner: SourceId;
  readonly isScreen: boolean;
  /** It fades out over the next tick, and is then dropped. */
  leaving = false;
  /** This tick's audio, interleaved; valid until the next `pull`. */
  pcm = new Float32Array(0);
  /** False if this tick's audio is silence. */
  active = false;
  /** Gain at the end of the last tick. */
  gain = 0;
  /** Gain at the end of this tick. */
  private nextGain = 0;
  private pulledDbfs = SILENT_DBFS;
  private muted: boolean;
  private volume: number;
  private readonly gate: NoiseGate;
  private readonly loudness: LoudnessControl | undefined;
  /** Factors of left and right at the end of the last tick, and of this one. */
  private pan: readonly [number, number] = [1, 1];
  private nextPan: readonly [number, number] = [1, 1];

  /** @param decoder of the jitter buffer; owned by the source. */
  constructor(
    readonly jitter: AudioJitterBuffer,
    private readonly decoder: AudioDecoder & Disposable,
    { owner, kind, audioOn, gain }: AudioSourceState,
    private readonly settings: MixSettings,
  ) {
    this.owner = owner;
    this.isScreen = kind === 'screen';
    this.muted = !audioOn;
    this.volume = gain;
    this.gate = new NoiseGate(settings.noiseGate && !this.isScreen);
    const levelled = settings.levelling && !this.isScreen;
    this.loudness = levelled ? new LoudnessControl(decoder.channels) : undefined;
  }

  setState({ audioOn, gain }: AudioSourceState): void {
    this.muted = !audioOn;
    this.volume = gain;
  }

  /**
   * Places a voice with constant power: it is as loud at the side as in the middle.
   * @param position from -1 (left) to 1 (right).
   */
  place(position: number): void {
    if (!this.isPlaced) return;
    const angle = ((Math.max(-1, Math.min(1, position)) * WIDTH + 1) * Math.PI) / 4;
    this.nextPan = [Math.SQRT2 * Math.cos(angle), Math.SQRT2 * Math.sin(angle)];
  }

  /** Whether a participant who is not muted says something. */
  get speaks(): boolean {
    return this.active && !this.muted && !this.isScreen && this.gate.isOpen;
  }

  /** Level of this tick's audio; SILENT_DBFS if nothing is said. */
  get levelDbfs(): number {
    return this.speaks ? this.pulledDbfs : SILENT_DBFS;
  }

  /** Whether it is in this tick's mix. */
  get sounds(): boolean {
    return this.gain !== 0 || this.nextGain !== 0;
  }

  /** Takes the next 20 ms from the jitter buffer. */
  pull(): void {
    const { pcm, active } = this.jitter.pull();
    this.pcm = pcm as Float32Array<ArrayBuffer>;
    this.active = active;
    this.pulledDbfs = active ? levelDbfs(pcm) : SILENT_DBFS;
    // One sample that is no number would silence the mixes of everybody.
    if (!Number.isFinite(this.pulledDbfs))
      throw new Error('the decoder gave audio without a level');
    this.gate.update(this.pulledDbfs);
    this.loudness?.update(pcm, active && this.gate.isOpen);
  }

  /** Sets the gain for the end of this tick. */
  fadeTo(heard: boolean): void {
    const { muted, leaving, volume, gate, loudness } = this;
    const isHeard = heard && !muted && !leaving;
    this.nextGain = isHeard ? volume * gate.gain * (loudness?.gain ?? 1) : 0;
  }

  /** Adds this tick's audio (with sign -1: removes it); the gain moves over the first 5 ms. */
  addTo(mix: Float32Array, sign: 1 | -1): void {
    const { gain, nextGain, pan, nextPan } = this;
    if (!this.isPlaced) {
      this.addRamped(mix, 0, 1, sign * gain, sign * nextGain);
      return;
    }
    for (const side of [0, 1] as const) {
      this.addRamped(mix, side, 2, sign * gain * pan[side], sign * nextGain * nextPan[side]);
    }
  }

  /** Makes this tick's gain and place those of the last tick. */
  endTick(): void {
    this.gain = this.nextGain;
    this.pan = this.nextPan;
  }

  [Symbol.dispose](): void {
    this.decoder[Symbol.dispose]();
  }

  private get isPlaced(): boolean {
    return this.decoder.channels < this.settings.audioChannels;
  }

  /** Adds the samples to every `stride`th sample of the mix, from `first` on. */
  private addRamped(
    mix: Float32Array,
    first: number,
    stride: number,
    before: number,
    after: number,
  ): void {
    const { pcm } = this;
    const ramp = before === after ? 0 : pcm.length * FADE_SHARE;
    for (let i = 0, at = first; i < pcm.length; i++, at += stride) {
      const gain = i < ramp ? before + ((after - before) * i) / ramp : after;
      mix[at] = (mix[at] as number) + gain * (pcm[i] as number);
    }
  }
}
