import type { Segment } from '../../link/egress-messages.js';
import type { RecordingInfo } from '../../protocol/recording-info.js';

/** What is kept of one while it is written: enough to finish it after a crash. */
export interface RecordingManifest extends RecordingInfo {
  /** Parts of the composite, the oldest first; paths within the folder. */
  readonly segments: readonly Segment[];
  /** Of files on their way into the store, by name: what the store calls it. */
  readonly uploads?: Readonly<Record<string, string>>;
}

/** What others are told. */
export function infoOf({ segments: _, uploads: __, ...info }: RecordingManifest): RecordingInfo {
  return info;
}
