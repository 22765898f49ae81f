/** The live outputs of all rooms: started and ended by the API, and ended with their rooms. */
import { randomBytes } from 'node:crypto';
import { mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { TesseraError } from '../../errors.js';
import type { Logger } from '../../logger.js';
import type { OutputInfo } from '../../protocol/output-info.js';
import type { EgressPhase } from '../../rooms/room-update.js';
import type { EgressLauncher } from '../egress-processes.js';
import { OutputRegistry } from '../output-registry.js';
import type { OutputRoom } from '../output-room.js';
import { checkTarget } from './kinds/live-kinds.js';
import { LiveOutput } from './live-output.js';

export interface LiveOutputsOptions {
  /** Folder for HLS files. Everything in it belongs to this server. */
  readonly folder: string;
  /** Loopback, private and link-local destinations are taken. */
  readonly allowPrivate: boolean;
  readonly audioBitrateBps: number;
  readonly keyframeMs: number;
  /** Live outputs of one room at a time. */
  readonly maxPerRoom: number;
}

/** What a caller of the API asks for. */
export interface OutputRequest {
  /** The URL of a destination, or `hls`. */
  readonly url: string;
}

/** Counters as they are named in `/v1/stats`. */
export interface LiveOutputCounters {
  /** Running now. */
  readonly outputs: number;
  /** Running now, and their destinations take what is sent. */
  readonly outputs_live: number;
  readonly output_reconnects: number;
  readonly output_frames_dropped: number;
}

export class LiveOutputs {
  private readonly registry: OutputRegistry<LiveOutput>;
  /** Timers of folders that are deleted later. */
  private readonly lingering = new Set<NodeJS.Timeout>();

  constructor(
    private readonly options: LiveOutputsOptions,
    private readonly processes: EgressLauncher,
    private readonly logger: Logger,
  ) {
    const { maxPerRoom } = options;
    this.registry = new OutputRegistry(
      {
        maxPerRoom,
        tooMany: () =>
          new TesseraError('too_many_outputs', `the room has ${maxPerRoom} live outputs`, {
            next: 'End one first, or raise live.maxOutputs.',
          }),
        stateOf: (outputs) => ({ live: outputs.length > 0 }),
      },
      logger,
    );
  }

  /** Deletes the HLS files that a crash left behind. */
  async start(): Promise<void> {
    await rm(this.options.folder, { recursive: true, force: true });
  }

  snapshot(): LiveOutputCounters {
    const { all } = this.registry;
    return {
      outputs: all.length,
      outputs_live: all.filter(({ info }) => info.status === 'live').length,
      output_reconnects: all.reduce((sum, { info }) => sum + info.reconnects, 0),
      output_frames_dropped: all.reduce((sum, { framesDropped }) => sum + framesDropped, 0),
    };
  }

  /** @param room id of a room. */
  list(room: string): OutputInfo[] {
    return this.registry.all.map(({ info }) => info).filter((info) => info.room === room);
  }

  /** @throws TesseraError `output_not_found`. */
  find(id: string): OutputInfo {
    return this.outputOf(id).info;
  }

  /** The folder of an HLS output. @throws TesseraError `output_not_found`. */
  folderOf(id: string): string {
    if (!/^[\w-]{1,64}$/.test(id)) throw notFound();
    return join(this.options.folder, id);
  }

  /**
   * Starts to send a room's composite to a destination, until it is removed or the room ends.
   * @throws TesseraError as `checkTarget` does, and `too_many_outputs`, `shutting_down`, `room_ended`.
   */
  async add(room: OutputRoom, request: OutputRequest): Promise<OutputInfo> {
    const output = await this.registry.add(room, () => this.create(room, request));
    this.logger.info(
      { room: room.id, output: output.id, to: output.info.destination },
      'live output started',
    );
    this.announce('started', output);
    output.start();
    this.registry.updateRoom(room);
    return output.info;
  }

  /** @throws TesseraError `output_not_found`. */
  async remove(id: string): Promise<void> {
    await this.outputOf(id).stop();
  }

  /** Ends a room's live outputs when it ends. Called once for each room. */
  follow(room: OutputRoom): void {
    this.registry.follow(room);
  }

  async close(): Promise<void> {
    await this.registry.close();
    for (const timer of this.lingering) clearTimeout(timer);
    await rm(this.options.folder, { recursive: true, force: true });
  }

  private async create(room: OutputRoom, { url }: OutputRequest): Promise<LiveOutput> {
    const { allowPrivate, audioBitrateBps, keyframeMs } = this.options;
    if (!room.videoCodecs.includes('h264')) {
      throw new TesseraError('bad_destination', 'live outputs need H.264', {
        next: 'Add it to the setting video.codecs.',
      });
    }
    const id = randomBytes(12).toString('base64url');
    const folder = this.folderOf(id);
    const { kind, target } = await checkTarget(url, { id, folder, keyframeMs, allowPrivate });
    await room.start();
    if (target.files) await mkdir(target.files.folder, { recursive: true, mode: 0o700 });
    const { width, height } = room.mix.renditions[0] ?? room.mix;
    return new LiveOutput(
      room,
      {
        info: {
          id,
          room: room.id,
          roomSid: room.sid,
          kind,
          destination: target.shown,
          status: 'connecting',
          reconnects: 0,
          startedAt: Date.now(),
        },
        target,
        video: { codec: 'h264', rendition: 0 },
        size: { width, height },
        audioBitrateBps,
        keyframeMs,
      },
      this.processes,
      this.logger.child({ room: room.id, output: id }),
      (output) => this.changed(output),
    );
  }

  private changed(output: LiveOutput): void {
    const hasEnded = output.info.status === 'ended';
    this.announce(hasEnded ? 'ended' : 'updated', output);
    if (!hasEnded) return;
    this.registry.remove(output);
    this.deleteFilesLater(output);
  }

  private deleteFilesLater({ id, target: { files } }: LiveOutput): void {
    if (!files) return;
    const timer = setTimeout(() => {
      this.lingering.delete(timer);
      rm(files.folder, { recursive: true, force: true }).catch((error: unknown) =>
        this.logger.warn({ error, output: id }, 'the files of a live output could not be deleted'),
      );
    }, files.lingerMs);
    this.lingering.add(timer);
  }

  private announce(phase: EgressPhase, { room, info: output }: LiveOutput): void {
    room.updates.publish({ type: 'output', phase, output });
  }

  private outputOf(id: string): LiveOutput {
    const found = this.registry.find(id);
    if (!found) throw notFound();
    return found;
  }
}

function notFound(): TesseraError {
  return new TesseraError('output_not_found', 'there is no such live output');
}
