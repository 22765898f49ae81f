/** `tessera key` makes an API key, `tessera token create` a token with one. */
import { type Command, InvalidArgumentError, Option } from 'commander';
import { signToken, type VideoGrant, videoGrantFor } from '../api/access-token.js';
import { makeKey } from '../config/api-keys.js';
import { makeWebhookSecret } from '../config/webhooks.js';
import { TesseraError } from '../errors.js';
import type { Role } from '../protocol/participants.js';
import { PUBLISH_SOURCES, type PublishSource } from '../rooms/grant.js';
import { cleanName, cleanRoomId } from '../rooms/names.js';
import { type CliContext, configOf, withSettings } from './context.js';
import { secondsOf } from './duration.js';

interface TokenOptions {
  readonly room?: string;
  readonly identity?: string;
  readonly name?: string;
  readonly role: Role;
  readonly source?: PublishSource[];
  readonly hidden?: boolean;
  readonly subscribe: boolean;
  readonly server?: boolean;
  readonly invite?: boolean;
  readonly ttl?: number;
  readonly page?: string;
}

export function addKey(program: Command): void {
  program
    .command('key')
    .description('make an API key for TESSERA_AUTH_KEYS, or a secret for webhooks')
    .option('--webhook', 'a secret for TESSERA_WEBHOOKS_SECRET')
    .action(({ webhook }: { webhook?: boolean }) => {
      const { id, secret } = makeKey();
      console.log(webhook ? makeWebhookSecret() : `${id}:${secret}`);
    });
}

function parseTtl(text: string): number {
  const seconds = secondsOf(text);
  if (seconds === undefined)
    throw new InvalidArgumentError('Use something like 90s, 15m, 6h or 7d.');
  return seconds;
}

export function addToken(program: Command, context: CliContext): void {
  const command = program
    .command('token')
    .description('tokens that let people in')
    .command('create')
    .description('make a token with the first of auth.keys')
    .option('--room <name>', 'the room that it opens')
    .option(
      '--identity <id>',
      'who they are; a second join with the same identity replaces the first',
    )
    .option('--invite', 'instead of an identity: each join with it is a new participant')
    .option('--name <name>', 'display name')
    .addOption(
      new Option('--role <role>', 'what they may do')
        .choices(['host', 'participant', 'viewer'])
        .default('participant'),
    )
    .addOption(
      new Option('--source <source...>', 'the only sources that they may send').choices([
        ...PUBLISH_SOURCES,
      ]),
    )
    .option('--no-subscribe', 'they receive nothing')
    .option('--hidden', 'others do not see them')
    .option('--server', 'for the API: may make, list and end rooms; without --room all of them')
    .option('--ttl <time>', 'lifetime: 90s, 15m, 6h or 7d (default: auth.tokenSeconds)', parseTtl)
    .option('--page <url>', 'print a link to this page instead of the token');
  withSettings(command).action(async () => {
    const options = command.opts<TokenOptions>();
    const { auth } = configOf(command, context).config;
    const [key] = auth.keys;
    if (!key) {
      throw new TesseraError('bad_config', 'there is no API key to sign with', {
        next: 'Make one with `tessera key`, and set it as TESSERA_AUTH_KEYS here and at the server.',
      });
    }
    const seconds = options.ttl ?? auth.tokenSeconds;
    const name = options.name === undefined ? undefined : cleanName(options.name);
    const { identity } = options;
    const token = await signToken(key, { identity, name, seconds, video: grantFrom(options) });
    console.log(options.page ? pageLink(options.page, options.room ?? '', token) : token);
  });
}

function grantFrom(options: TokenOptions): VideoGrant {
  const room = options.room === undefined ? undefined : cleanRoomId(options.room);
  if (options.server) {
    const all = { roomCreate: true, roomList: true, roomAdmin: true };
    return room === undefined ? all : { ...all, room };
  }
  if (room === undefined) {
    throw new TesseraError('bad_request', 'a room is needed', {
      next: 'Give --room, or --server for a token of the API.',
    });
  }
  if ((options.identity === undefined) !== (options.invite === true)) {
    throw new TesseraError('bad_request', 'either --identity or --invite is needed', {
      next: 'Give one of the two.',
    });
  }
  return {
    ...videoGrantFor(room, options.role, options.source),
    ...(options.subscribe ? {} : { canSubscribe: false }),
    ...(options.hidden ? { hidden: true } : {}),
  };
}

function pageLink(page: string, room: string, token: string): string {
  if (!URL.canParse(page))
    throw new TesseraError('bad_request', `${page} is not a URL`, {
      next: 'Give the address of the page, https://… or http://….',
    });
  const url = new URL(page);
  url.searchParams.set('room', room);
  // Fragments are not sent to servers: the token stays out of their logs.
  url.hash = `token=${token}`;
  return url.href;
}
