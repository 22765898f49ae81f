/**
 * Stage: turns the composite's frames, with times of the monotonic clock, into packets with times of
 * a file. The file's time 0 is the first keyframe, or the first audio frame without video. The time
 * between pause and resume is left out.
 *
 * Callers may rely on: the first video packet after each start and resume is a keyframe; video times
 * grow; the audio track has no gaps; video and audio stay within 20 ms of the clock, however long the
 * file is. Pure.
 */
import type { Anchor, Continuation, WriterCounters } from '../link/egress-messages.js';
import type { Micros } from '../util/units.js';
import { AUDIO_PACKET, AudioGrid, type GridPacket } from './audio-grid.js';

export interface TimedFrame {
  /** Monotonic clock. */
  readonly ptsMicros: Micros;
  readonly data: Buffer;
}

export interface TimedVideo extends TimedFrame {
  readonly keyframe: boolean;
}

export interface TrackPacket {
  readonly kind: 'audio' | 'video';
  /** Time in the file. */
  readonly ptsMicros: Micros;
  /** 0 for video: a frame lasts until the next one. */
  readonly durationMicros: Micros;
  readonly keyframe: boolean;
  readonly data: Buffer;
}

/** Smallest distance of two video frames: one tick of the coarsest container. */
const LEAST_STEP: Micros = 1000;
/** Audio frames that may wait for the first video frame. */
const MAX_WAITING = 100;

export class CompositeTimeline {
  private readonly counters = { video_before_keyframe: 0 };
  private anchor: Anchor | undefined;
  private grid: AudioGrid;
  private lastVideo: Micros;
  private end: Micros;
  private waiting: TimedFrame[] = [];
  /** Frames of this time or later are left out, because of a pause or the end. */
  private stopsAt = Number.POSITIVE_INFINITY;
  /** Video waits for a keyframe. */
  private broken = false;

  /** @param after where this file continues another one; undefined for the first file. */
  constructor(
    private readonly hasVideo: boolean,
    private after?: Continuation,
  ) {
    this.end = after?.file ?? 0;
    this.grid = new AudioGrid(this.end);
    this.lastVideo = this.end - LEAST_STEP;
  }

  /** The latest start or resume; undefined while nothing is written. */
  get started(): Anchor | undefined {
    return this.anchor;
  }

  /** Where a moment of the monotonic clock is in the file; undefined while nothing is written. */
  positionOf(clock: Micros): Micros | undefined {
    return this.anchor && clock < this.stopsAt ? Math.max(0, this.fileTime(clock)) : undefined;
  }

  /** Duration of the file so far. */
  get endMicros(): Micros {
    return Math.max(this.end, this.grid.end, this.lastVideo + LEAST_STEP);
  }

  snapshot(): Omit<WriterCounters, 'frames_not_written'> {
    return { ...this.counters, ...this.grid.snapshot() };
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

  audio(frame: TimedFrame): TrackPacket[] {
    if (frame.ptsMicros >= this.stopsAt) return [];
    if (!this.anchor && !this.hasVideo) this.begin(frame.ptsMicros);
    if (!this.anchor) {
      this.waiting.push(frame);
      if (this.waiting.length > MAX_WAITING) this.waiting.shift();
      return [];
    }
    return this.place(frame);
  }

  /** A video frame was lost: video continues with the next keyframe. */
  videoLost(): void {
    this.broken = true;
  }

  /** Leaves out frames of this time or later until {@link resume}. Earlier ones may still come. */
  pause(at: Micros): void {
    this.stopsAt = Math.min(this.stopsAt, at);
  }

  /** Ends the file, or the part before a pause: no more frames of it will come. */
  settle(): TrackPacket[] {
    if (!this.anchor) return [];
    const end = Math.max(this.fileTime(this.stopsAt), this.grid.end);
    const packets = this.grid.fillUntil(end).map(audioPacket);
    this.end = Math.max(end, this.grid.end, this.lastVideo + LEAST_STEP);
    this.anchor = undefined;
    this.waiting = [];
    return packets;
  }

  /** Continues with the next keyframe, or without video with the next audio frame. */
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
      this.grid = new AudioGrid(this.end);
    }
    this.anchor = { clock, file: this.end };
    const audible = this.waiting.filter(({ ptsMicros }) => ptsMicros > clock - AUDIO_PACKET / 2);
    this.waiting = [];
    return audible.flatMap((frame) => this.place(frame));
  }

  private place({ ptsMicros, data }: TimedFrame): TrackPacket[] {
    return this.grid.push(this.fileTime(ptsMicros), data).map(audioPacket);
  }

  private fileTime(clock: Micros): Micros {
    const { anchor } = this;
    return anchor ? clock - anchor.clock + anchor.file : this.end;
  }
}

function audioPacket(packet: GridPacket): TrackPacket {
  return { kind: 'audio', keyframe: true, ...packet };
}
