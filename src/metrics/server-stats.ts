/** `/stats`: the counters of the whole server as JSON, for people and tests. */
import type { RoomRegistry } from '../rooms/registry.js';

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

export function serverStats({ rooms, recordings, outputs, webhooks, sessions }: StatsSources) {
  return {
    sessions: sessions.size,
    webhooks: webhooks?.counters,
    load: rooms.admission.stats,
    recordings: recordings.snapshot(),
    outputs: outputs.snapshot(),
    rooms: rooms.all.map((room) => ({
      id: room.id,
      mediaPid: room.telemetry.mediaPid,
      counters: room.telemetry.counters,
      participants: room.participants.map((participant) => ({
        id: participant.id,
        name: participant.name,
        state: participant.connectionState,
        counters: participant.snapshot(),
      })),
    })),
    memory: process.memoryUsage(),
    timers: process.getActiveResourcesInfo().filter((kind) => kind === 'Timeout').length,
    cpu: process.cpuUsage(),
  };
}
