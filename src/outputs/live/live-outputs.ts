/** All live outputs of the server. */
import { randomBytes } from 'node:crypto';
import { mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { TesseraError } from '../../errors.js';
import type { WatchedVideo } from '../../link/link-messages.js';
import type { Logger } from '../../logger.js';
import type { OutputInfo } from '../../protocol/output-info.js';
import type { Room } from '../../rooms/room.js';
import { type RoomEvent, type RoomEventName, roomEvent } from '../../rooms/room-events.js';
import type { EgressLauncher } from '../egress-processes.js';
import { checkDestination } from './destination.js';
import { LiveOutput } from './live-output.js';

export interface LiveOutputsOptions {
  /** Of HLS: everything is in it. */
  readonly folder: string;
  /** Loopback, private and link-local destinations are taken. */
  readonly allowPrivate: boolean;
  readonly audioBitrateBps: number;
  readonly keyframeMs: number;
  /** Of one room at a time. */
  readonly maxPerRoom: number;
}

/** `hls`, or the URL of a destination. */
export interface OutputRequest {
  readonly url: string;
}

/** Players that are behind may take what is left for a while. */
const HLS_LINGER_MS = 30_000;

interface Entry {
  readonly output: LiveOutput;
  readonly room: Room;
}

export class LiveOutputs {
  private readonly entries = new Map<string, Entry>();
  private readonly lingering = new Set<NodeJS.Timeout>();
  private closed = false;

  constructor(
    private readonly options: LiveOutputsOptions,
    private readonly processes: EgressLauncher,
    private readonly logger: Logger,
    private readonly publish: (event: RoomEvent) => void,
  ) {}

  /** What a crash left of HLS is of no use to anybody. */
  async start(): Promise<void> {
    await rm(this.options.folder, { recursive: true, force: true });
  }

  get counters(): Record<string, number> {
    const all = [...this.entries.values()].map(({ output }) => output);
    return {
      outputs: all.length,
      outputs_live: all.filter(({ info }) => info.status === 'live').length,
      output_reconnects: all.reduce((sum, { info }) => sum + info.reconnects, 0),
      output_frames_dropped: all.reduce((sum, { framesDropped }) => sum + framesDropped, 0),
    };
  }

  list(room: string): OutputInfo[] {
    return [...this.entries.values()]
      .map(({ output }) => output.info)
      .filter((info) => info.room === room);
  }

  /** @throws TesseraError `output_not_found`. */
  find(id: string): OutputInfo {
    return this.entryOf(id).output.info;
  }

  /** The folder of an HLS output. @throws TesseraError `output_not_found`. */
  folderOf(id: string): string {
    if (!/^[\w-]{1,64}$/.test(id)) throw notFound();
    return join(this.options.folder, id);
  }

  /**
   * Begins to send a room's composite somewhere; it goes on until it is stopped.
   * @throws TesseraError as `checkDestination` does, `too_many_outputs`, `bad_destination`.
   */
  async add(room: Room, { url }: OutputRequest): Promise<OutputInfo> {
    if (this.closed) throw new TesseraError('shutting_down', 'the server is shutting down');
    const { maxPerRoom, allowPrivate, folder, ...rest } = this.options;
    if (this.list(room.id).length >= maxPerRoom) {
      throw new TesseraError('too_many_outputs', `the room has ${maxPerRoom} live outputs`, {
        next: 'End one first, or raise live.maxOutputs.',
      });
    }
    if (!room.videoCodecs.includes('h264')) {
      throw new TesseraError('bad_destination', 'live outputs need H.264', {
        next: 'Add it to the setting video.codecs.',
      });
    }
    const destination = url === 'hls' ? undefined : await checkDestination(url, allowPrivate);
    await room.start();
    const id = randomBytes(12).toString('base64url');
    const hlsFolder = this.folderOf(id);
    if (!destination) await mkdir(hlsFolder, { recursive: true, mode: 0o700 });
    const info: OutputInfo = {
      id,
      room: room.id,
      roomSid: room.sid,
      kind: destination?.kind ?? 'hls',
      destination: destination?.shown ?? `/hls/${id}/index.m3u8`,
      status: 'connecting',
      reconnects: 0,
      startedAt: Date.now(),
    };
    const video: WatchedVideo = { codec: 'h264', rendition: 0 };
    const size = room.mix.renditions[0] ?? room.mix;
    const { width, height } = size;
    const output: LiveOutput = new LiveOutput(
      room,
      { info, destination, folder: hlsFolder, video, size: { width, height }, ...rest },
      this.processes,
      this.logger.child({ room: room.id, output: id }),
      () => this.changed(output, room),
    );
    this.entries.set(id, { output, room });
    this.logger.info({ room: room.id, output: id, to: info.destination }, 'live output started');
    this.tell('egress_started', room, output.info);
    await output.start();
    this.showState(room);
    return output.info;
  }

  /** @throws TesseraError `output_not_found`. */
  async remove(id: string): Promise<void> {
    const { output } = this.entryOf(id);
    this.entries.delete(id);
    await output.stop();
    if (output.info.kind !== 'hls') return;
    const timer = setTimeout(() => {
      this.lingering.delete(timer);
      this.deleteFolder(id);
    }, HLS_LINGER_MS);
    this.lingering.add(timer);
  }

  /** To be told of all that happens in rooms. */
  onRoomEvent({ event, room: { sid } }: RoomEvent): void {
    if (event !== 'room_finished') return;
    for (const [id, { room }] of this.entries) {
      if (room.sid !== sid) continue;
      this.remove(id).catch((error: unknown) =>
        this.logger.error({ error, output: id }, 'a live output did not end'),
      );
    }
  }

  async close(): Promise<void> {
    this.closed = true;
    await Promise.all([...this.entries.keys()].map((id) => this.remove(id)));
    for (const timer of this.lingering) clearTimeout(timer);
    await rm(this.options.folder, { recursive: true, force: true });
  }

  private deleteFolder(id: string): void {
    rm(this.folderOf(id), { recursive: true, force: true }).catch((error: unknown) =>
      this.logger.warn({ error, output: id }, 'what is left of HLS could not be deleted'),
    );
  }

  private changed(output: LiveOutput, room: Room): void {
    const ended = output.info.status === 'ended';
    this.tell(ended ? 'egress_ended' : 'egress_updated', room, output.info);
    this.showState(room);
  }

  private showState(room: Room): void {
    const live = [...this.entries.values()].some((entry) => entry.room === room);
    room.setEgress({ ...room.egress, live });
  }

  private tell(name: RoomEventName, room: Room, output: OutputInfo): void {
    this.publish(roomEvent(name, room, { output }));
  }

  private entryOf(id: string): Entry {
    const found = this.entries.get(id);
    if (!found) throw notFound();
    return found;
  }
}

function notFound(): TesseraError {
  return new TesseraError('output_not_found', 'there is no such live output');
}
