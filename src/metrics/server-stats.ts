/** `/stats`: the counters of the whole server as JSON, for people and tests. */
import type { RoomRegistry } from '../rooms/registry.js';
import type { Room } from '../rooms/room.js';
import { WorkSlices } from '../util/work-slices.js';

/** What is read; nothing of it is kept. */
export interface StatsSources {
  readonly rooms: RoomRegistry;
  readonly recordings: { snapshot(): unknown };
  readonly outputs: { snapshot(): unknown };
  /** Undefined without destinations. */
  readonly webhooks: { readonly counters: unknown } | undefined;
  /** Of signalling. */
  readonly sessions: { readonly size: number };
}

/** @returns JSON. It is written in slices, so that media need not wait for it. */
export async function serverStats(sources: StatsSources): Promise<string> {
  const { rooms, recordings, outputs, webhooks, sessions } = sources;
  const head = {
    sessions: sessions.size,
    webhooks: webhooks?.counters,
    load: rooms.admission.stats,
    recordings: recordings.snapshot(),
    outputs: outputs.snapshot(),
    memory: process.memoryUsage(),
    timers: process.getActiveResourcesInfo().filter((kind) => kind === 'Timeout').length,
    cpu: process.cpuUsage(),
  };
  const slices = new WorkSlices();
  const written: string[] = [];
  for (const room of rooms.all) written.push(await roomStats(room, slices));
  return withList(head, 'rooms', written);
}

async function roomStats(room: Room, slices: WorkSlices): Promise<string> {
  const { mediaPid, counters } = room.telemetry;
  const people: string[] = [];
  for (const participant of room.participants) {
    const { id, name, connectionState: state } = participant;
    people.push(JSON.stringify({ id, name, state, counters: participant.snapshot() }));
    await slices.next();
  }
  return withList({ id: room.id, mediaPid, counters }, 'participants', people);
}

/** The JSON of an object with one more field: a list whose elements are JSON already. */
function withList(head: object, name: string, elements: readonly string[]): string {
  return `${JSON.stringify(head).slice(0, -1)},"${name}":[${elements.join()}]}`;
}
