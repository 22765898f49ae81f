/** Checks what clients send, once, against the schemas of the protocol. */
import type { Static, TSchema } from '@sinclair/typebox';
import { type TypeCheck, TypeCompiler } from '@sinclair/typebox/compiler';
import { TesseraError } from '../errors.js';
import { ClientMessage } from '../protocol/client-messages.js';
import { DataMessage } from '../protocol/data-messages.js';
import { MAX_JSON_DEPTH, MAX_MESSAGE_BYTES } from '../protocol/limits.js';
import { isDeeperThan } from '../util/json-depth.js';

const clientChecker: TypeCheck<typeof ClientMessage> = TypeCompiler.Compile(ClientMessage);
const dataChecker: TypeCheck<typeof DataMessage> = TypeCompiler.Compile(DataMessage);

function parse<T extends TSchema>(text: string, schema: TypeCheck<T>): Static<T> {
  if (text.length > MAX_MESSAGE_BYTES) {
    throw new TesseraError('message_too_large', 'message too large');
  }
  if (isDeeperThan(text, MAX_JSON_DEPTH)) {
    throw new TesseraError('bad_message', 'the message is nested too deeply', {
      next: `Nest at most ${MAX_JSON_DEPTH} arrays and objects.`,
    });
  }
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw new TesseraError('bad_message', 'the message is not JSON', { cause: error });
  }
  if (schema.Check(value)) return value;
  const { type = '?' } = (value ?? {}) as { type?: unknown };
  throw new TesseraError('bad_message', `not a valid message (type ${String(type).slice(0, 32)})`, {
    next: 'See docs/protocol.md for the messages and their fields.',
  });
}

/** @throws TesseraError `bad_message`, `message_too_large`. */
export function parseClientMessage(text: string): ClientMessage {
  return parse(text, clientChecker);
}

/** A message over the data channel. @throws TesseraError `bad_message`, `message_too_large`. */
export function parseDataMessage(text: string): DataMessage {
  return parse(text, dataChecker);
}
