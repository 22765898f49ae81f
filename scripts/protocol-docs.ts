/** The page of the signalling protocol, made from the schemas of `src/protocol`. */
import type { TObject, TSchema } from '@sinclair/typebox';
import { ChatState } from '../src/protocol/chat.js';
import { ClientMessage } from '../src/protocol/client-messages.js';
import { DataMessage, SERVER_DATA_MESSAGES } from '../src/protocol/data-messages.js';
import { ERROR_CODES } from '../src/protocol/error-codes.js';
import { IceServer } from '../src/protocol/ice-server.js';
import {
  CustomLayout,
  CustomRegion,
  LayoutDescription,
  TileRegion,
} from '../src/protocol/layout.js';
import { FINAL_CLOSE, MAX_MESSAGE_BYTES, MAX_TEXT_BYTES } from '../src/protocol/limits.js';
import { ParticipantState, WaitingState } from '../src/protocol/participants.js';
import { RoomStatus } from '../src/protocol/room-status.js';
import { ServerMessage } from '../src/protocol/server-messages.js';

/** Types with a section of their own. */
const TYPES: Readonly<Record<string, TObject>> = {
  ParticipantState,
  RoomStatus,
  LayoutDescription,
  TileRegion,
  CustomLayout,
  CustomRegion,
  ChatState,
  WaitingState,
  IceServer,
};

function nameOf({ properties }: TSchema): string | undefined {
  return Object.entries(TYPES).find(([, type]) => type.properties === properties)?.[0];
}

function range(low: unknown, high: unknown, unit = ''): string {
  if (low === undefined && high === undefined) return '';
  if (low === undefined) return `at most ${high}${unit}`;
  return high === undefined ? `at least ${low}${unit}` : `${low} to ${high}${unit}`;
}

function typeOf(schema: TSchema): string {
  const name = nameOf(schema);
  if (name !== undefined) return `[${name}](#${name.toLowerCase()})`;
  if (schema.const !== undefined) return `\`${JSON.stringify(schema.const)}\``;
  if (schema.anyOf) return (schema.anyOf as TSchema[]).map(typeOf).join(' or ');
  if (schema.type === 'array') {
    const several = schema.items.anyOf ? `(${typeOf(schema.items)})` : typeOf(schema.items);
    return `list of ${several}`;
  }
  return typeof schema.type === 'string' ? schema.type : 'any JSON value';
}

function limitsOf(schema: TSchema): string {
  const least = schema.exclusiveMinimum === undefined ? schema.minimum : undefined;
  return [
    schema.exclusiveMinimum === undefined ? '' : `over ${schema.exclusiveMinimum}`,
    range(least, schema.maximum),
    range(schema.minLength, schema.maxLength, ' characters'),
    range(schema.minItems, schema.maxItems, ' items'),
    schema.pattern === undefined ? '' : `\`${schema.pattern}\``,
    schema.items === undefined ? '' : limitsOf(schema.items),
  ]
    .filter(Boolean)
    .join(', ');
}

/** A row for each field, and for the fields of objects that have no section of their own. */
function rowsOf({ properties, required = [] }: TObject, path = ''): string[] {
  return Object.entries(properties).flatMap(([name, field]) => {
    if (name === 'type' && field.const !== undefined) return [];
    const isRequired = (required as string[]).includes(name);
    const cells = [
      `\`${path}${name}\`${isRequired ? '' : ' (optional)'}`,
      typeOf(field),
      limitsOf(field),
      nameOf(field) === undefined ? (field.description ?? '') : '',
    ];
    const row = `| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`;
    const isInline = field.type === 'object' && nameOf(field) === undefined;
    return isInline ? [row, ...rowsOf(field as TObject, `${path}${name}.`)] : [row];
  });
}

function table(schema: TObject): string {
  const rows = rowsOf(schema);
  if (rows.length === 0) return 'No fields.';
  return ['| Field | Type | Limits | Meaning |', '| --- | --- | --- | --- |', ...rows].join('\n');
}

function channelOf(schema: TObject, direction: 'client' | 'server'): string {
  const type = schema.properties.type?.const as (typeof SERVER_DATA_MESSAGES)[number];
  const isData =
    direction === 'client'
      ? DataMessage.anyOf.some((one) => (one as TSchema) === schema)
      : SERVER_DATA_MESSAGES.includes(type);
  return isData ? ' Over the data channel while there is one.' : '';
}

function section(schema: TObject, direction: 'client' | 'server'): string {
  const { type, action } = schema.properties;
  const name = action ? `${type?.const}: ${action.const}` : `${type?.const}`;
  const about = `${schema.description}${channelOf(schema, direction)}`;
  return `### ${name}\n\n${about}\n\n${table(schema)}`;
}

/** Everything of the page between its marks. */
export function protocolDocs(): string {
  const errors = Object.entries(ERROR_CODES).map(([code, text]) => `| \`${code}\` | ${text} |`);
  const types = Object.entries(TYPES).map(
    ([name, type]) => `### ${name}\n\n${type.description}\n\n${table(type)}`,
  );
  return [
    `A message has at most ${MAX_MESSAGE_BYTES} bytes. A chat text, and the data of an application's message, ` +
      `has at most ${MAX_TEXT_BYTES} bytes. A data channel is stream 0, negotiated or opened by the client. ` +
      `When the server closes the socket with code ${FINAL_CLOSE}, the client must not connect again by itself. ` +
      'The server refuses messages with unknown fields; clients ignore unknown fields and messages.',
    '## From the client',
    ...ClientMessage.anyOf.map((schema) => section(schema as TObject, 'client')),
    '## From the server',
    ...ServerMessage.anyOf.map((schema) => section(schema as TObject, 'server')),
    '## Types',
    ...types,
    '## Error codes',
    'The same codes are used by signalling, the HTTP API, WHIP and WHEP. They never change their meaning.',
    ['| Code | Meaning |', '| --- | --- |', ...errors].join('\n'),
  ].join('\n\n');
}
