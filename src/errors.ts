import type { ErrorCode } from './protocol/error-codes.js';

/** The HTTP status of each error code. */
export const HTTP_STATUS: Readonly<Record<ErrorCode, number>> = {
  bad_message: 400,
  bad_sdp: 400,
  bad_candidate: 400,
  bad_name: 400,
  bad_room: 400,
  bad_config: 500,
  bad_request: 400,
  unauthorized: 401,
  token_expired: 401,
  forbidden: 403,
  not_found: 404,
  room_not_found: 404,
  participant_not_found: 404,
  room_exists: 409,
  version_mismatch: 412,
  unsupported_type: 415,
  too_many_requests: 429,
  too_many_sockets: 429,
  request_timeout: 408,
  join_timeout: 408,
  room_locked: 403,
  not_admitted: 403,
  removed: 403,
  replaced: 409,
  room_ended: 410,
  out_of_order: 409,
  message_too_large: 413,
  too_many_messages: 429,
  resume_failed: 404,
  origin_refused: 403,
  room_full: 503,
  server_busy: 503,
  resources_low: 503,
  unsupported_media: 422,
  bad_image: 422,
  image_not_found: 404,
  bad_layout: 400,
  unknown_rendition: 400,
  method_not_allowed: 405,
  not_acceptable: 406,
  precondition_required: 428,
  session_not_found: 404,
  bad_time_zone: 400,
  video_too_large: 422,
  connection_failed: 502,
  media_missing: 502,
  media_failed: 503,
  shutting_down: 503,
  unreachable: 502,
  recording_not_found: 404,
  recording_exists: 409,
  recording_over: 409,
  recording_busy: 409,
  recording_empty: 500,
  bad_recording: 400,
  disk_low: 507,
  disk_full: 507,
  write_failed: 500,
  egress_failed: 500,
  store_failed: 502,
  bad_destination: 400,
  destination_forbidden: 403,
  destination_failed: 502,
  output_not_found: 404,
  too_many_outputs: 429,
  captures_off: 403,
  capture_active: 409,
  capture_exists: 409,
  media_quarantined: 409,
  video_over_budget: 409,
  headers_too_large: 431,
  not_quarantined: 409,
  capture_not_found: 404,
  too_many_captures: 429,
  threshold_missed: 500,
  internal: 500,
};

/** The one error class: a stable code for programs, a text for people and, if there is one, the next step. */
export class TesseraError extends Error {
  /** What the reader can do about it. Sent to clients too. */
  readonly next: string | undefined;
  /** When it may help to try again. Sent to clients too. */
  readonly retryAfterSeconds: number | undefined;

  constructor(
    readonly code: ErrorCode,
    message: string,
    options: { cause?: unknown; next?: string; retryAfterSeconds?: number } = {},
  ) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = 'TesseraError';
    this.next = options.next;
    this.retryAfterSeconds = options.retryAfterSeconds;
  }

  /** Wraps a thrown value. Returns a TesseraError unchanged. */
  static from(error: unknown, code: ErrorCode = 'internal'): TesseraError {
    if (error instanceof TesseraError) return error;
    const text = error instanceof Error ? error.message : String(error);
    return new TesseraError(code, text, { cause: error });
  }
}
