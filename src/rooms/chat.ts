/** What participants write to a room, and the messages that applications send through it. */
import { randomUUID } from 'node:crypto';
import { TesseraError } from '../errors.js';
import type { ChatState } from '../protocol/chat.js';
import { MAX_TEXT_BYTES } from '../protocol/limits.js';
import { nowMicros } from '../util/clock.js';
import { TokenBucket } from '../util/token-bucket.js';
import type { Micros } from '../util/units.js';
import type { Grant } from './grant.js';
import type { UpdateBus } from './update-bus.js';

/** Messages that are kept for those who join later. */
const MAX_HISTORY = 200;
/** For each participant. */
const CHATS_PER_SECOND = 2;
const CHAT_BURST = 10;
const MESSAGES_PER_SECOND = 20;
const MESSAGE_BURST = 40;

/** A participant, as far as chat needs it. */
export interface Writer {
  readonly id: string;
  readonly name: string;
  readonly grant: Pick<Grant, 'canPublishData'>;
}

class WriteLimits {
  private readonly chats = new TokenBucket(CHATS_PER_SECOND, CHAT_BURST);
  private readonly messages = new TokenBucket(MESSAGES_PER_SECOND, MESSAGE_BURST);

  /** @throws TesseraError `too_many_messages`. */
  take(kind: 'chats' | 'messages', now: Micros): void {
    if (this[kind].take(now)) return;
    throw new TesseraError('too_many_messages', 'you write too many messages at once', {
      next: 'Wait some seconds.',
    });
  }
}

/** @throws TesseraError `message_too_large`. */
function checkSize(text: string): void {
  if (Buffer.byteLength(text) <= MAX_TEXT_BYTES) return;
  throw new TesseraError('message_too_large', `a message may have ${MAX_TEXT_BYTES} bytes`, {
    next: 'Send it in parts.',
  });
}

/** Without control characters, which are for terminals; line ends and tabs stay. */
function cleanText(text: string): string {
  return text.replace(/[^\P{Cc}\n\t]/gu, '').trim();
}

export class RoomChat {
  private readonly kept: ChatState[] = [];
  private readonly limits = new WeakMap<Writer, WriteLimits>();

  constructor(
    private readonly updates: UpdateBus,
    private readonly members: {
      /** @throws TesseraError `participant_not_found`. */
      find(id: string): Writer;
      readonly all: readonly { readonly id: string }[];
    },
    private readonly now: () => Micros = nowMicros,
  ) {}

  /** The last messages, the oldest first. */
  get history(): readonly ChatState[] {
    return this.kept;
  }

  /**
   * Sends a text to everybody, also to its writer.
   * @throws TesseraError `participant_not_found`, `forbidden`, `too_many_messages`,
   *   `message_too_large`, or `bad_message` if the text is empty.
   */
  write(id: string, text: string): void {
    const { name } = this.writer(id, 'chats');
    checkSize(text);
    const clean = cleanText(text);
    if (clean === '') throw new TesseraError('bad_message', 'the message is empty');
    const message = { id: randomUUID(), from: id, name, text: clean, time: Date.now() };
    this.kept.push(message);
    if (this.kept.length > MAX_HISTORY) this.kept.shift();
    this.updates.publish({ type: 'chat', message });
  }

  /**
   * Passes on an application's message.
   * @param to ids of participants; undefined is everybody but the sender.
   * @throws TesseraError `participant_not_found`, `forbidden`, `too_many_messages`,
   *   `message_too_large`.
   */
  send(id: string, topic: string, data: unknown, to: readonly string[] | undefined): void {
    this.writer(id, 'messages');
    checkSize(JSON.stringify(data) ?? '');
    const message = { from: id, topic, data, time: Date.now() };
    for (const { id: other } of this.members.all) {
      if (other === id || !(to?.includes(other) ?? true)) continue;
      this.updates.tell(other, { type: 'appMessage', message });
    }
  }

  private writer(id: string, kind: 'chats' | 'messages'): Writer {
    const writer = this.members.find(id);
    if (!writer.grant.canPublishData) {
      throw new TesseraError('forbidden', 'the token does not allow to write to the room');
    }
    const limits = this.limits.get(writer) ?? new WriteLimits();
    this.limits.set(writer, limits);
    limits.take(kind, this.now());
    return writer;
  }
}
