/**
 * Which Opus packets need not be decoded, because there is nothing to hear in them: packets of
 * discontinuous transmission, and those that the sender marks as silent (RFC 6464). The sender's
 * mark is believed only after it was found true often enough, and never again after it was wrong.
 */
import type { OpusPacket } from './opus-packet-buffer.js';
import { levelDbfs } from './pcm-level.js';

/**
 * Packets up to this size are discontinuous transmission: nothing but the TOC (RFC 6716, 2.1.9).
 */
const DTX_BYTES = 2;
/** Packets in a row that must be as silent as marked before the mark is believed. */
const TRUSTED_AFTER = 50;
/** Decoded audio up to this level is silent. */
const SILENCE_DBFS = -80;

export class SilenceClaims {
  /** Marked packets in a row that were silent; NaN after one that was not. */
  private confirmed = 0;

  isSilent({ data, isSilent }: Pick<OpusPacket, 'data' | 'isSilent'>): boolean {
    return data.length <= DTX_BYTES || (isSilent && this.confirmed >= TRUSTED_AFTER);
  }

  /** Compares a marked packet's decoded audio with its mark. */
  check(pcm: Float32Array): void {
    if (levelDbfs(pcm) > SILENCE_DBFS) this.confirmed = Number.NaN;
    else this.confirmed++;
  }
}
