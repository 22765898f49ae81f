/** One voice, or the sound of a screen, on its way into the mix: gate, loudness, place, fades. */

import type { OpusDecoder } from '../../codecs/opus/opus.js';
import type { MixSettings, SourceId } from '../../link/link-messages.js';
import type { AudioJitterBuffer } from './audio-jitter-buffer.js';
import type { AudioSourceState } from './audio-mixer.js';
import { LoudnessControl } from './loudness-control.js';
import { NoiseGate } from './noise-gate.js';
import { levelDbfs, SILENT_DBFS } from './pcm-level.js';

/** Share of the way to the side that a tile at the edge of the picture is heard from. */
const WIDTH = 0.7;
/** Fades take this share of a tick: 5 ms. */
const FADE_SHARE = 0.25;

export class AudioSource implements Disposable {
  readonly owner: SourceId;
  readonly isScreen: boolean;
  /** Is faded out with the next tick, and then gone. */
  leaving = false;
  /** This tick's sound, interleaved; valid until the next `pull`. */
  pcm = new Float32Array(0);
  /** Whether anything but silence is in it. */
  active = false;
  /** Gain at the end of the tick before, of this one. */
  gain = 0;
  private nextGain = 0;
  private pulledDbfs = SILENT_DBFS;
  private muted: boolean;
  private volume: number;
  private readonly gate: NoiseGate;
  private readonly loudness: LoudnessControl | undefined;
  /** Of left and right, at the end of the tick before and of this one. */
  private pan: readonly [number, number] = [1, 1];
  private nextPan: readonly [number, number] = [1, 1];

  constructor(
    readonly jitter: AudioJitterBuffer,
    private readonly decoder: OpusDecoder,
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

  /** Constant power: a voice is as loud at the side as it is in the middle. */
  place(position: number): void {
    if (!this.isPlaced) return;
    const angle = ((Math.max(-1, Math.min(1, position)) * WIDTH + 1) * Math.PI) / 4;
    this.nextPan = [Math.SQRT2 * Math.cos(angle), Math.SQRT2 * Math.sin(angle)];
  }

  /** Whether something is said, by someone who may be heard. */
  get speaks(): boolean {
    return this.active && !this.muted && !this.isScreen && this.gate.isOpen;
  }

  /** Of this tick's sound if something is said in it. */
  get levelDbfs(): number {
    return this.speaks ? this.pulledDbfs : SILENT_DBFS;
  }

  /** Whether it has a part in this tick's mix. */
  get sounds(): boolean {
    return this.gain !== 0 || this.nextGain !== 0;
  }

  pull(): void {
    const { pcm, active } = this.jitter.pull();
    this.pcm = pcm as Float32Array<ArrayBuffer>;
    this.active = active;
    this.pulledDbfs = active ? levelDbfs(pcm) : SILENT_DBFS;
    this.gate.update(this.pulledDbfs);
    this.loudness?.update(pcm, active && this.gate.isOpen);
  }

  /** Sets the gain of this tick's end. */
  fadeTo(heard: boolean): void {
    const { muted, leaving, volume, gate, loudness } = this;
    const isHeard = heard && !muted && !leaving;
    this.nextGain = isHeard ? volume * gate.gain * (loudness?.gain ?? 1) : 0;
  }

  /** Adds (or with sign -1 takes out) this tick's sound, its gain moving over the first 5 ms. */
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

  /** The tick is over. */
  faded(): void {
    this.gain = this.nextGain;
    this.pan = this.nextPan;
  }

  [Symbol.dispose](): void {
    this.decoder[Symbol.dispose]();
  }

  private get isPlaced(): boolean {
    return this.decoder.channels < this.settings.audioChannels;
  }

  /** Adds all samples to every `stride`th of the mix. */
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
