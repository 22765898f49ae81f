/** What the room itself says to everybody: a recording starts or stops. */

import { FRAME_SAMPLES, OpusDecoder } from '../../codecs/opus/opus.js';
import { ANNOUNCEMENT_CLIPS } from './announcement-clips.js';

export type AnnouncementText = keyof typeof ANNOUNCEMENT_CLIPS;
export type AnnouncementKind = 'tone' | 'voice';

const RATE = 48_000;
/**
 * Two notes: rising for a start, falling for a stop. Each fades in and out, so that nothing clicks.
 */
const NOTES = { started: [660, 880], stopped: [880, 660] } as const;
const NOTE_SECONDS = 0.18;
const LEVEL = 0.12;

function tone(text: AnnouncementText): Float32Array {
  const length = Math.ceil((NOTE_SECONDS * RATE) / FRAME_SAMPLES) * FRAME_SAMPLES;
  const pcm = new Float32Array(length * NOTES[text].length);
  NOTES[text].forEach((hertz, note) => {
    for (let i = 0; i < length; i++) {
      const envelope = Math.sin((Math.PI * i) / length);
      pcm[note * length + i] = LEVEL * envelope * Math.sin((2 * Math.PI * hertz * i) / RATE);
    }
  });
  return pcm;
}

async function voice(text: AnnouncementText): Promise<Float32Array> {
  using decoder = await OpusDecoder.open(1);
  const data = Buffer.from(ANNOUNCEMENT_CLIPS[text], 'base64');
  const parts: Float32Array[] = [];
  for (let at = 0; at + 2 <= data.length; ) {
    const length = data.readUInt16LE(at);
    const pcm = decoder.decode(data.subarray(at + 2, at + 2 + length));
    if (pcm) parts.push(Float32Array.from(pcm));
    at += 2 + length;
  }
  const all = new Float32Array(parts.length * FRAME_SAMPLES);
  parts.forEach((part, index) => {
    all.set(part, index * FRAME_SAMPLES);
  });
  return all;
}

/** @returns mono PCM at 48 kHz, a multiple of FRAME_SAMPLES long. */
export async function announcement(
  text: AnnouncementText,
  kind: AnnouncementKind,
): Promise<Float32Array> {
  return kind === 'tone' ? tone(text) : voice(text);
}

/** Announcements that wait for the mix, one after the other. */
export class AnnouncementQueue {
  /** What is left to play; the first is being played. */
  private readonly waiting: Float32Array[] = [];

  /** @param pcm mono, a multiple of FRAME_SAMPLES long; owned by the queue from now on. */
  add(pcm: Float32Array): void {
    this.waiting.push(pcm);
  }

  /** Adds the next 20 ms to an interleaved mix. */
  addTo(mix: Float32Array, channels: number): void {
    const [current] = this.waiting;
    if (!current) return;
    for (let i = 0; i < mix.length; i++) {
      mix[i] = (mix[i] as number) + (current[Math.floor(i / channels)] ?? 0);
    }
    if (current.length > FRAME_SAMPLES) this.waiting[0] = current.subarray(FRAME_SAMPLES);
    else this.waiting.shift();
  }
}
