/** What is known of a live output, as it is told over the API and in events. */
export const OUTPUT_STATUSES = ['connecting', 'live', 'reconnecting', 'ended'] as const;
export type OutputStatus = (typeof OUTPUT_STATUSES)[number];

export interface OutputInfo {
  readonly id: string;
  readonly room: string;
  readonly roomSid: string;
  readonly kind: 'rtmp' | 'rtmps' | 'srt' | 'hls';
  /** Without keys and passwords; of HLS the path of its playlist. */
  readonly destination: string;
  readonly status: OutputStatus;
  /** The latest fault, until it is live again. */
  readonly error?: { readonly code: string; readonly message: string };
  readonly reconnects: number;
  /** In ms since 1970. */
  readonly startedAt: number;
  readonly endedAt?: number;
}
