/** `tessera room ls|create|rm`: rooms of a running server. */
import type { Command } from 'commander';
import type { RoomInfo } from '../rooms/room-events.js';
import { ApiClient, withServer } from './api-client.js';
import type { CliContext } from './context.js';
import { table } from './table.js';

function age(since: number): string {
  const seconds = Math.max(0, Math.floor(Date.now() / 1000) - since);
  if (seconds < 60) return `${seconds} s`;
  return seconds < 3600 ? `${Math.floor(seconds / 60)} min` : `${Math.floor(seconds / 3600)} h`;
}

function words({ locked, lobby }: RoomInfo): string {
  return [locked ? 'locked' : '', lobby ? 'lobby' : ''].filter(Boolean).join(', ');
}

export function addRoom(program: Command, context: CliContext): void {
  const room = program.command('room').description('rooms of a running server');

  const list = room.command('ls').description('list them').option('--json', 'as JSON');
  withServer(list).action(async () => {
    const api = await ApiClient.from(list, context);
    const rooms = await api.call<RoomInfo[]>('GET', '/rooms');
    if (list.opts<{ json?: boolean }>().json) console.log(JSON.stringify(rooms, null, 2));
    else if (rooms.length === 0) console.log('No rooms.');
    else {
      const rows = rooms.map((one) => [
        one.name,
        `${one.numParticipants}`,
        `${one.numWaiting}`,
        age(one.creationTime),
        words(one),
      ]);
      console.log(table(['room', 'people', 'waiting', 'age', ''], rows));
    }
  });

  const create = room
    .command('create')
    .description('make one')
    .argument('<name>')
    .option('--lock', 'only hosts come in')
    .option('--lobby', 'hosts let people in');
  withServer(create).action(async (name: string) => {
    const { lock, lobby } = create.opts<{ lock?: boolean; lobby?: boolean }>();
    const api = await ApiClient.from(create, context);
    await api.call('POST', '/rooms', { name, locked: lock === true, lobby: lobby === true });
    console.log(`Made ${name}.`);
  });

  const remove = room.command('rm').description('end them for everybody').argument('<name...>');
  withServer(remove).action(async (names: string[]) => {
    const api = await ApiClient.from(remove, context);
    for (const name of names) {
      await api.call('DELETE', `/rooms/${encodeURIComponent(name)}`);
      console.log(`Ended ${name}.`);
    }
  });
}
