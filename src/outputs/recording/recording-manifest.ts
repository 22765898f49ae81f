import type { Segment } from '../../link/egress-messages.js';
import type { RecordingInfo } from '../../protocol/recording-info.js';

/** What is stored of a recording: enough to finish it after a crash. */
export interface RecordingManifest extends RecordingInfo {
  /** Segments of the composite, the oldest first; paths within the folder. */
  readonly segments: readonly Segment[];
  /** Upload ids of files on their way to the store, by file name. */
  readonly uploads?: Readonly<Record<string, string>>;
}

/** The public part of a manifest. */
export function infoOf({ segments: _, uploads: __, ...info }: RecordingManifest): RecordingInfo {
  return info;
}
