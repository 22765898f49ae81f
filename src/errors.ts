/**
 * The one error class of Tessera: a stable code for programs, a text for people and, where there is
 * something to do, the next step. Codes never change their meaning; new ones may come.
 */
export const ERROR_CODES = {
  bad_message: { status: 400, close: false },
  bad_sdp: { status: 400, close: false },
  bad_candidate: { status: 400, close: false },
  bad_name: { status: 400, close: false },
  bad_room: { status: 400, close: false },
  bad_config: { status: 500, close: true },
  bad_request: { status: 400, close: false },
  unauthorized: { status: 401, close: true },
  token_expired: { status: 401, close: true },
  forbidden: { status: 403, close: false },
  not_found: { status: 404, close: false },
  room_not_found: { status: 404, close: false },
  participant_not_found: { status: 404, close: false },
  room_exists: { status: 409, close: false },
  version_mismatch: { status: 412, close: false },
  unsupported_type: { status: 415, close: false },
  too_many_requests: { status: 429, close: true },
  too_many_sockets: { status: 429, close: true },
  join_timeout: { status: 408, close: true },
  room_locked: { status: 403, close: false },
  not_admitted: { status: 403, close: true },
  removed: { status: 403, close: true },
  replaced: { status: 409, close: true },
  room_ended: { status: 410, close: true },
  out_of_order: { status: 409, close: false },
  message_too_large: { status: 413, close: true },
  too_many_messages: { status: 429, close: true },
  resume_failed: { status: 404, close: false },
  origin_refused: { status: 403, close: true },
  room_full: { status: 503, close: false },
  unsupported_media: { status: 422, close: false },
  video_too_large: { status: 422, close: false },
  connection_failed: { status: 502, close: false },
  media_failed: { status: 503, close: false },
  shutting_down: { status: 503, close: true },
  unreachable: { status: 502, close: false },
  threshold_missed: { status: 500, close: false },
  internal: { status: 500, close: false },
} as const satisfies Record<string, { status: number; close: boolean }>;

export type ErrorCode = keyof typeof ERROR_CODES;

export class TesseraError extends Error {
  /** What the reader can do about it; part of what clients are told. */
  readonly next: string | undefined;

  constructor(
    readonly code: ErrorCode,
    message: string,
    options: { cause?: unknown; next?: string } = {},
  ) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = 'TesseraError';
    this.next = options.next;
  }

  /** Wraps whatever was thrown; a TesseraError stays what it is. */
  static from(error: unknown, code: ErrorCode = 'internal'): TesseraError {
    if (error instanceof TesseraError) return error;
    const text = error instanceof Error ? error.message : String(error);
    return new TesseraError(code, text, { cause: error });
  }
}
