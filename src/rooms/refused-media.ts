/** Tells a client in words which of its media is not taken, and what would be. */
import { TesseraError } from '../errors.js';
import type { RefusedMedia } from '../rtp/negotiated-media.js';

/** What clients may send; the descriptors in `codecs/` say the same to the compiler. */
const TAKEN = {
  audio: 'Opus, or G.722, PCMU or PCMA',
  video:
    'VP8, VP9 (profile 0), AV1 (main), H.265 (main), or H.264 of 8 bits in 4:2:0 (baseline, main or ' +
    'high; packetization-mode 0 or 1)',
} as const;

/** @param refused may be empty: then nothing that is sent is offered at all. */
export function refusedMediaError(refused: readonly RefusedMedia[]): TesseraError {
  const offered = refused
    .map(({ kind, offered: formats }) => `${kind}: ${formats.join(', ') || 'no format'}`)
    .join('; ');
  const kinds = new Set(refused.map(({ kind }) => kind));
  const wanted = (['audio', 'video'] as const).filter(
    (kind) => kinds.size === 0 || kinds.has(kind),
  );
  return new TesseraError(
    'unsupported_media',
    `what is offered is not taken (${offered || 'nothing that is sent'})`,
    { next: wanted.map((kind) => `Send ${kind} as ${TAKEN[kind]}.`).join(' ') },
  );
}
