/**
 * Stage: the composite's frames, timed by the monotonic clock, become packets timed by a file. The
 * file's zero is the first keyframe (without video, the first sound); what lies between pause and
 * resume is not in it. Callers may rely on: the first video packet after each start is a keyframe;
 * video times grow; the audio track has no gap; both are within 20 ms of the clock that they were
 * composed by, however long the file. Pure.
 */
import type { Anchor, Continuation } from '../link/egress-messages.js';
import type { Micros } from '../util/units.js';
import { AUDIO_PACKET, AudioGrid, type GridPacket } from './audio-grid.js';

export interface TimedFrame {
  /** On the monotonic clock. */
  readonly ptsMicros: Micros;
  readonly data: Buffer;
}

export interface TimedVideo extends TimedFrame {
  readonly keyframe: boolean;
}

export interface TrackPacket {
  readonly kind: 'audio' | 'video';
  /** Of the file. */
  readonly ptsMicros: Micros;
  /** 0 of pictures: until the next one. */
  readonly durationMicros: Micros;
  readonly keyframe: boolean;
  readonly data: Buffer;
}

/** Pictures are so far apart at least: a tick of every container. */
const LEAST_STEP: Micros = 1000;
/** Sound that waits for the first picture. */
const MAX_WAITING = 100;

export class CompositeTimeline {
  readonly counters = { video_before_keyframe: 0 };
  private anchor: Anchor | undefined;
  private audio: AudioGrid;
  private lastVideo: Micros;
  private end: Micros;
  private waiting: TimedFrame[] = [];
  /** Frames of this time or later are not taken: paused, or over. */
  private stopsAt = Number.POSITIVE_INFINITY;
  private broken = false;

  /** @param after if it goes on from another file: what lies before is not in it. */
  constructor(
    private readonly hasVideo: boolean,
    private after?: Continuation,
  ) {
    this.end = after?.file ?? 0;
    this.audio = new AudioGrid(this.end);
    this.lastVideo = this.end - LEAST_STEP;
  }

  /** Of the latest start; undefined until there is something in the file. */
  get started(): Anchor | undefined {
    return this.anchor;
  }

  /** Where a moment of the clock is in the file; undefined while nothing goes into it. */
  positionOf(clock: Micros): Micros | undefined {
    return this.anchor && clock < this.stopsAt ? Math.max(0, this.fileTime(clock)) : undefined;
  }

  /** How long the file is so far, in its own time. */
  get endMicros(): Micros {
    return Math.max(this.end, this.audio.end, this.lastVideo + LEAST_STEP);
  }

  get gridCounters(): Readonly<Record<string, number>> {
    return { ...this.counters, ...this.audio.counters };
  }

  video({ ptsMicros, data, keyframe }: TimedVideo): TrackPacket[] {
    if (ptsMicros >= this.stopsAt) return [];
    const packets: TrackPacket[] = [];
    if (!this.anchor && keyframe) packets.push(...this.begin(ptsMicros));
    if (!this.anchor || (this.broken && !keyframe)) {
      this.counters.video_before_keyframe++;
      return packets;
    }
    this.broken = false;
    const pts = Math.max(this.fileTime(ptsMicros), this.lastVideo + LEAST_STEP);
    this.lastVideo = pts;
    packets.push({ kind: 'video', ptsMicros: pts, durationMicros: 0, keyframe, data });
    return packets;
  }

  sound(frame: TimedFrame): TrackPacket[] {
    if (frame.ptsMicros >= this.stopsAt) return [];
    if (!this.anchor && !this.hasVideo) this.begin(frame.ptsMicros);
    if (!this.anchor) {
      this.waiting.push(frame);
      if (this.waiting.length > MAX_WAITING) this.waiting.shift();
      return [];
    }
    return this.place(frame);
  }

  /** A frame was lost on the way: pictures are good again from the next keyframe on. */
  videoLost(): void {
    this.broken = true;
  }

  /** Frames of this time or later are left out until {@link resume}; earlier ones may still come. */
  pause(at: Micros): void {
    this.stopsAt = Math.min(this.stopsAt, at);
  }

  /** Ends the file, or this part of it: what was to come has come. */
  settle(): TrackPacket[] {
    if (!this.anchor) return [];
    const end = Math.max(this.fileTime(this.stopsAt), this.audio.end);
    const packets = this.audio.fillUntil(end).map(soundPacket);
    this.end = Math.max(end, this.audio.end, this.lastVideo + LEAST_STEP);
    this.anchor = undefined;
    this.waiting = [];
    return packets;
  }

  /** Goes on with the next keyframe. */
  resume(): TrackPacket[] {
    const rest = this.settle();
    this.stopsAt = Number.POSITIVE_INFINITY;
    return rest;
  }

  private begin(clock: Micros): TrackPacket[] {
    const { after } = this;
    if (after) {
      this.after = undefined;
      const passed = after.anchor ? clock - after.anchor.clock + after.anchor.file : 0;
      this.end = Math.max(after.file, passed);
      this.audio = new AudioGrid(this.end);
    }
    this.anchor = { clock, file: this.end };
    const heard = this.waiting.filter(({ ptsMicros }) => ptsMicros > clock - AUDIO_PACKET / 2);
    this.waiting = [];
    return heard.flatMap((frame) => this.place(frame));
  }

  private place({ ptsMicros, data }: TimedFrame): TrackPacket[] {
    return this.audio.push(this.fileTime(ptsMicros), data).map(soundPacket);
  }

  private fileTime(clock: Micros): Micros {
    const { anchor } = this;
    return anchor ? clock - anchor.clock + anchor.file : this.end;
  }
}

function soundPacket(packet: GridPacket): TrackPacket {
  return { kind: 'audio', keyframe: true, ...packet };
}
