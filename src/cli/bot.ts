/** `tessera bot`: bots with a moving pattern, a clock and a tone. */
import { once } from 'node:events';
import type { Command } from 'commander';
import { Replay } from '../bots/replay.js';
import type { RtpClient } from '../bots/rtp-client.js';
import { encodeTestPattern } from '../bots/test-pattern.js';
import { cleanRoomId } from '../rooms/names.js';
import { ApiClient, withServer } from './api-client.js';
import type { CliContext } from './context.js';
import { wholeNumber } from './numbers.js';
import { bringIn, nameOf } from './people.js';

interface BotOptions {
  readonly room: string;
  readonly count: number;
}

/** SIGINT, SIGTERM, or the end of every call. */
async function ended(clients: readonly RtpClient[]): Promise<void> {
  const signals = ['SIGINT', 'SIGTERM'].map((name) => once(process, name));
  const closed = Promise.all(clients.map(({ socket }) => once(socket, 'close')));
  await Promise.race([...signals, closed]);
}

export function addBot(program: Command, context: CliContext): void {
  const command = program
    .command('bot')
    .description('bring test people into a room, until Ctrl-C')
    .option('--room <name>', 'the room', 'demo')
    .option('--count <people>', 'how many', wholeNumber(1, 100), 4);
  withServer(command).action(async () => {
    const { room, count } = command.opts<BotOptions>();
    const api = await ApiClient.from(command, context);
    const people = { url: api.url, room: cleanRoomId(room), key: api.key };
    const replay = new Replay();
    const clients: RtpClient[] = [];
    try {
      for (let index = 0; index < count; index++) {
        const name = nameOf(index);
        const client = await bringIn(people, name, 'participant', false);
        clients.push(client);
        // Until the pattern is encoded, the tile shows initials.
        replay.add(client, await encodeTestPattern(name, index));
        console.log(`${name} is in ${room}.`);
      }
      console.log('Ctrl-C takes them out.');
      await ended(clients);
    } finally {
      replay.stop();
      await Promise.all(clients.map((client) => client.leave()));
    }
  });
}
