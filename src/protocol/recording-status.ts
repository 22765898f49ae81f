/** States of a recording. No typebox: the client uses them. */

export const RECORDING_STATUSES = [
  'starting',
  'recording',
  'paused',
  'finishing',
  'finished',
  'failed',
] as const;
export type RecordingStatus = (typeof RECORDING_STATUSES)[number];

/** Whether a recording has ended, with or without success. */
export function isOver({ status }: { readonly status: RecordingStatus }): boolean {
  return status === 'finished' || status === 'failed';
}
