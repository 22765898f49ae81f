/** Between the server and an egress process, which writes files and sends to live destinations. */

import type { CompositeCodec } from '../protocol/codec-names.js';
import type { FileFormat } from '../protocol/file-format.js';
import type { Micros } from '../util/units.js';
import type { MediaCounters, SourceId } from './link-messages.js';

/** What a composite is made of that is on its way into a file or a stream. */
export interface CompositeTracks {
  /** Undefined is sound alone. */
  readonly video:
    | { readonly codec: CompositeCodec; readonly width: number; readonly height: number }
    | undefined;
  readonly audioChannels: 1 | 2;
  /** Opus goes as it is; AAC is encoded from it. */
  readonly audioCodec: 'opus' | 'aac';
  /** Of AAC. */
  readonly audioBitrateBps: number;
}

/** A moment on the monotonic clock, and where it is in a recording. */
export interface Anchor {
  readonly clock: Micros;
  readonly file: Micros;
}

/** What a segment goes on from after another one was broken off. */
export interface Continuation {
  /** Where the other one is at least. */
  readonly file: Micros;
  /** Its latest start, unless it was paused. */
  readonly anchor?: Anchor;
}

export interface RecordCommand extends CompositeTracks {
  readonly type: 'record';
  readonly path: string;
  readonly format: FileFormat;
  readonly continues?: Continuation;
  /** Where each participant's own tracks go, if they are wanted. */
  readonly tracksFolder?: string;
}

/** A file that was written in one go, and where in the recording it begins. */
export interface Segment {
  readonly path: string;
  readonly offsetMicros: Micros;
}

export interface Chapter {
  readonly startMicros: Micros;
  readonly title: string;
}

/** Makes the finished file out of what was recorded, and pictures of it. */
export interface FinishCommand {
  readonly type: 'finish';
  readonly segments: readonly Segment[];
  readonly output: string;
  readonly format: FileFormat;
  readonly chapters: readonly Chapter[];
  /** Tags of the file. */
  readonly metadata: Readonly<Record<string, string>>;
  /** Where `poster.jpg`, `thumbnails.jpg` and `thumbnails.vtt` go; undefined makes none. */
  readonly picturesFolder?: string;
}

/** A stream to a destination that was checked; every part of it was made by the server. */
export interface StreamCommand extends CompositeTracks {
  readonly type: 'stream';
  readonly url: string;
  /** FFmpeg's name of the muxer. */
  readonly muxer: string;
  readonly options: Readonly<Record<string, string>>;
}

/** Server to egress process. */
export type EgressCommand =
  | RecordCommand
  | StreamCommand
  | FinishCommand
  /** What comes from this moment on is left out. */
  | { readonly type: 'pause'; readonly at: Micros }
  | { readonly type: 'resume' }
  /** Ends what is written; asks for `stopped`. */
  | { readonly type: 'stop'; readonly at: Micros }
  /** A participant's own media follow, until `source-gone`. */
  | { readonly type: 'source'; readonly source: SourceId; readonly name: string }
  | { readonly type: 'source-gone'; readonly source: SourceId }
  | { readonly type: 'close' };

/** One of a participant's own tracks. */
export interface TrackFile {
  readonly source: SourceId;
  readonly kind: 'audio' | 'video';
  readonly file: string;
  /** Where in the recording it begins. */
  readonly startMicros: Micros;
}

/** Egress process to server. */
export type EgressEvent =
  | { readonly type: 'ready' }
  | { readonly type: 'failed'; readonly message: string }
  /** What it takes: CPU since it began, and memory now. Told each second and at its end. */
  | { readonly type: 'usage'; readonly cpuMicros: Micros; readonly rssBytes: number }
  /** Pictures or sound go into the file from this moment on: after the start, and each time it resumes. */
  | { readonly type: 'running'; readonly anchor: Anchor }
  /** So much is safe on the disk, or was taken by the destination. */
  | {
      readonly type: 'progress';
      readonly bytes: number;
      readonly durationMicros: Micros;
      readonly counters: MediaCounters;
    }
  /** A picture was lost on the way: a keyframe is needed. */
  | { readonly type: 'keyframe-needed' }
  | { readonly type: 'source-keyframe-needed'; readonly source: SourceId }
  | { readonly type: 'track'; readonly track: TrackFile }
  /** Nothing more will be written. */
  | { readonly type: 'fault'; readonly code: EgressFault; readonly message: string }
  | { readonly type: 'stopped'; readonly durationMicros: Micros }
  | {
      readonly type: 'finished';
      /** Undefined if there is nothing that can be played. */
      readonly durationMicros: Micros | undefined;
    };

export type EgressFault = 'disk_full' | 'write_failed' | 'destination_failed';
