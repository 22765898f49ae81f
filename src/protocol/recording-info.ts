/** What is known of a recording: kept beside its files, and told over the API and in events. */

import type { CompositeCodec } from '../util/units.js';
import type { FileFormat, RecordedAudioCodec } from './file-format.js';

export const RECORDING_STATUSES = [
  'starting',
  'recording',
  'paused',
  'finishing',
  'finished',
  'failed',
] as const;
export type RecordingStatus = (typeof RECORDING_STATUSES)[number];

export interface RecordingError {
  /** Stable: see errors.ts. */
  readonly code: string;
  readonly message: string;
}

export interface RecordingFile {
  readonly name: string;
  readonly bytes: number;
}

/** A track of one participant, as they sent it. */
export interface ParticipantTrack {
  readonly file: string;
  readonly participant: string;
  readonly identity: string;
  readonly name: string;
  readonly source: 'microphone' | 'camera' | 'screen_share' | 'screen_share_audio';
  /** Where in the recording it begins. */
  readonly startMs: number;
}

export interface RecordingInfo {
  /** Made by the server; names its folder too. */
  readonly id: string;
  readonly room: string;
  readonly roomSid: string;
  readonly status: RecordingStatus;
  /** Why it ended too early, or has less than was asked for. */
  readonly error?: RecordingError;
  readonly format: FileFormat;
  readonly audioCodec: RecordedAudioCodec;
  readonly video?: {
    readonly codec: CompositeCodec;
    readonly width: number;
    readonly height: number;
  };
  /** In ms since 1970. */
  readonly startedAt: number;
  readonly endedAt?: number;
  /** Without pauses. */
  readonly durationMs: number;
  readonly bytes: number;
  /** The composite's first. */
  readonly files: readonly RecordingFile[];
  readonly tracks: readonly ParticipantTrack[];
  /** Where the files are. */
  readonly store: 'local' | 's3';
}

export function isOver({ status }: RecordingInfo): boolean {
  return status === 'finished' || status === 'failed';
}

/** What is asked for; what is left out is as the server's settings say. */
export interface RecordingRequest {
  readonly format?: FileFormat;
  readonly audioCodec?: RecordedAudioCodec;
  /** A size and quality of its own, in kbit/s; otherwise it is the best that receivers get. */
  readonly rendition?: {
    readonly width: number;
    readonly height: number;
    readonly frameRate: number;
    readonly bitrate: number;
  };
  /** Each participant's own media too, as they sent it. */
  readonly tracks?: boolean;
}
