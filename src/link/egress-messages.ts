/**
 * Messages between the server and an egress process, which writes recordings and sends live outputs.
 * All times are microseconds: `clock` is the machine's monotonic clock, `file` is time in a recording.
 */
import type { CompositeCodec } from '../protocol/codec-names.js';
import type { FileFormat } from '../protocol/file-format.js';
import type { Micros } from '../util/units.js';
import type { SourceId } from './link-messages.js';

/** The tracks of a composite that is written to a file or a stream. */
export interface CompositeTracks {
  /** Undefined means audio only. */
  readonly video:
    | { readonly codec: CompositeCodec; readonly width: number; readonly height: number }
    | undefined;
  readonly audioChannels: 1 | 2;
  /** Opus is copied; AAC is encoded from it. */
  readonly audioCodec: 'opus' | 'aac';
  /** Used for AAC only. */
  readonly audioBitrateBps: number;
}

/** One moment, on the monotonic clock and in the recording. */
export interface Anchor {
  readonly clock: Micros;
  readonly file: Micros;
}

/** Where a new segment continues after the process that wrote the previous one died. */
export interface Continuation {
  /** The new segment starts here or later. */
  readonly file: Micros;
  /** The latest start or resume; undefined while the recording is paused. */
  readonly anchor?: Anchor;
}

/** Starts a recording, or its next segment. */
export interface RecordCommand extends CompositeTracks {
  readonly type: 'record';
  readonly path: string;
  readonly format: FileFormat;
  readonly continues?: Continuation;
  /** Folder for participants' own tracks; undefined writes none. */
  readonly tracksFolder?: string;
}

/** A file that one process wrote, and where in the recording it starts. */
export interface Segment {
  readonly path: string;
  readonly offsetMicros: Micros;
}

export interface Chapter {
  readonly startMicros: Micros;
  readonly title: string;
}

/** Joins the segments of a recording into the finished file and makes its pictures. */
export interface FinishCommand {
  readonly type: 'finish';
  readonly segments: readonly Segment[];
  readonly output: string;
  readonly format: FileFormat;
  readonly chapters: readonly Chapter[];
  /** Tags of the file. */
  readonly metadata: Readonly<Record<string, string>>;
  /** Folder for `poster.jpg`, `thumbnails.jpg` and `thumbnails.vtt`; undefined makes none. */
  readonly picturesFolder?: string;
}

/** Starts a live stream. The server has checked the destination and made every part of this. */
export interface StreamCommand extends CompositeTracks {
  readonly type: 'stream';
  readonly url: string;
  /** FFmpeg's name of the muxer. */
  readonly muxer: string;
  /** FFmpeg's options of the muxer. */
  readonly options: Readonly<Record<string, string>>;
}

/** Server to egress process: what one output does. Commands are carried out in order. */
export type OutputCommand =
  | RecordCommand
  | StreamCommand
  /** Leaves out what is later than `at`. */
  | { readonly type: 'pause'; readonly at: Micros }
  | { readonly type: 'resume' }
  /** Ends the output; the answer is `stopped`. */
  | { readonly type: 'stop'; readonly at: Micros }
  /** Frames of this source follow, until `source-gone`; they go into files called `name`. */
  | { readonly type: 'source'; readonly source: SourceId; readonly name: string }
  | { readonly type: 'source-gone'; readonly source: SourceId };

/** Server to egress process. */
export type EgressCommand =
  | OutputCommand
  /** The answer is `finished`, or `fault` if it cannot be written. */
  | FinishCommand
  | { readonly type: 'close' };

/** A file with one of a participant's own tracks. */
export interface TrackFile {
  readonly source: SourceId;
  readonly kind: 'audio' | 'video';
  readonly file: string;
  /** Where in the recording it starts. */
  readonly startMicros: Micros;
}

/** Counters of one composite since its process started, as they are named in `/v1/stats`. */
export interface WriterCounters {
  /** Video frames left out because they came before a keyframe. */
  readonly video_before_keyframe: number;
  /** Packets of silence added to fill gaps. */
  readonly audio_packets_filled: number;
  /** Audio packets left out because they overlap. */
  readonly audio_packets_left_out: number;
  /** Packets that the file or the destination did not take in time. */
  readonly frames_not_written: number;
}

export type EgressFault = 'disk_full' | 'write_failed' | 'destination_failed';

/** The process cannot write any more: it drops everything from now on. */
export interface FaultEvent {
  readonly type: 'fault';
  readonly code: EgressFault;
  readonly message: string;
}

export interface StoppedEvent {
  readonly type: 'stopped';
  readonly durationMicros: Micros;
}

export interface FinishedEvent {
  readonly type: 'finished';
  /** Undefined if the segments hold nothing that can be played. */
  readonly durationMicros: Micros | undefined;
}

/** What happens to one output in its process. */
export type OutputEvent =
  /** Media is written from this moment on: after the start and after each resume. */
  | { readonly type: 'running'; readonly anchor: Anchor }
  /** This much is safe on the disk, or was taken by the destination. */
  | {
      readonly type: 'progress';
      readonly bytes: number;
      readonly durationMicros: Micros;
      readonly counters: WriterCounters;
    }
  /** A participant's own track cannot continue without a keyframe. */
  | { readonly type: 'source-keyframe-needed'; readonly source: SourceId }
  /** A file for a participant's own track was opened. */
  | { readonly type: 'track'; readonly track: TrackFile }
  | FaultEvent;

/** CPU time since the process started, and memory now. Sent each second and at the end. */
export interface UsageEvent {
  readonly type: 'usage';
  readonly cpuMicros: Micros;
  readonly rssBytes: number;
}

/** Egress process to server. */
export type EgressEvent =
  | { readonly type: 'ready' }
  /** The process is broken and must be replaced. */
  | { readonly type: 'failed'; readonly message: string }
  | UsageEvent
  | OutputEvent
  /** The composite's video cannot continue without a keyframe. */
  | { readonly type: 'keyframe-needed' }
  | StoppedEvent
  | FinishedEvent;
