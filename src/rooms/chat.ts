/** What people write to a room, and what applications send through it. Pure but for its ids. */
import { randomUUID } from 'node:crypto';
import { TesseraError } from '../errors.js';
import { TokenBucket } from '../util/token-bucket.js';
import type { Micros } from '../util/units.js';

/** Of a text, or of an application's message as JSON, in bytes of UTF-8. */
export const MAX_TEXT_BYTES = 4096;
/** Kept for those who come later. */
const MAX_HISTORY = 200;
/** Of one participant. */
const CHATS_PER_SECOND = 2;
const CHAT_BURST = 10;
const MESSAGES_PER_SECOND = 20;
const MESSAGE_BURST = 40;

export interface ChatMessage {
  readonly id: string;
  /** Participant. */
  readonly from: string;
  /** Their name at that time. */
  readonly name: string;
  readonly text: string;
  /** In ms since 1970. */
  readonly time: number;
}

export interface AppMessage {
  readonly from: string;
  readonly topic: string;
  /** Anything that JSON has. */
  readonly data: unknown;
  /** In ms since 1970. */
  readonly time: number;
}

/** How much one participant may still write. */
export class ChatLimits {
  private readonly chats = new TokenBucket(CHATS_PER_SECOND, CHAT_BURST);
  private readonly messages = new TokenBucket(MESSAGES_PER_SECOND, MESSAGE_BURST);

  /** @throws TesseraError `too_many_messages`. */
  take(kind: 'chats' | 'messages', now: Micros): void {
    if (this[kind].take(now)) return;
    throw new TesseraError('too_many_messages', 'you write too much at once', {
      next: 'Wait some seconds.',
    });
  }
}

/** @throws TesseraError `message_too_large`. */
export function checkSize(text: string): void {
  if (Buffer.byteLength(text) <= MAX_TEXT_BYTES) return;
  throw new TesseraError('message_too_large', `a message may have ${MAX_TEXT_BYTES} bytes`, {
    next: 'Send it in parts.',
  });
}

export class ChatHistory {
  private readonly kept: ChatMessage[] = [];

  /** The oldest first. */
  get messages(): readonly ChatMessage[] {
    return this.kept;
  }

  /** @throws TesseraError `message_too_large`, or `bad_message` if there is nothing in it. */
  add(from: { readonly id: string; readonly name: string }, text: string): ChatMessage {
    checkSize(text);
    // Control characters but line ends and tabs are for terminals, not for people.
    const clean = text.replace(/[^\P{Cc}\n\t]/gu, '').trim();
    if (clean === '') throw new TesseraError('bad_message', 'there is nothing in the message');
    const { id, name } = from;
    const message = { id: randomUUID(), from: id, name, text: clean, time: Date.now() };
    this.kept.push(message);
    if (this.kept.length > MAX_HISTORY) this.kept.shift();
    return message;
  }
}
