import type { MediaCommand, MediaEvent } from '../link/link-messages.js';
import type { Logger } from '../logger.js';
import type { CompositeCodec } from '../protocol/codec-names.js';
import { MediaProcess } from './media-process.js';

/** A room that takes a process has the CPU for itself for this long. */
const SPARE_AFTER_MS = 300;

/** Keeps one spare media process running, so that a new or crashed room need not wait for one. */
export class MediaPool {
  private spare: MediaProcess | undefined;
  private readonly used = new Set<MediaProcess>();
  private closed = false;
  private failing = false;

  constructor(private readonly logger: Logger) {}

  /**
   * Starts the spare.
   * @returns the codecs that it can encode. @throws Error if media processes cannot run here.
   */
  async start(): Promise<readonly CompositeCodec[]> {
    this.spare ??= new MediaProcess(this.logger);
    return this.spare.ready;
  }

  /**
   * Runs one command in a media process of its own.
   * @param answerOf reads the answer from an event; undefined if the event is not the answer.
   * @returns the answer; undefined if it takes longer than `limitMs`.
   * @throws Error if the process dies.
   */
  async ask<T>(
    command: MediaCommand,
    answerOf: (event: MediaEvent) => T | undefined,
    limitMs: number,
  ): Promise<T | undefined> {
    const process = await this.acquire();
    try {
      return await new Promise<T | undefined>((resolve, reject) => {
        const late = setTimeout(() => resolve(undefined), limitMs);
        process.use({
          onEvent: (event) => {
            const answer = answerOf(event);
            if (answer === undefined) return;
            clearTimeout(late);
            resolve(answer);
          },
          onFrame: () => {},
          onCrash: (reason) => {
            clearTimeout(late);
            reject(new Error(reason));
          },
        });
        process.send(command);
      });
    } finally {
      await this.release(process);
    }
  }

  /** Whether the latest process could be started. */
  get working(): boolean {
    return !this.failing;
  }

  /** @returns a ready process for one room. Another spare is started in its place. */
  async acquire(): Promise<MediaProcess> {
    if (this.closed) throw new Error('the media pool is closed');
    const taken = this.spare ?? new MediaProcess(this.logger);
    this.spare = undefined;
    this.used.add(taken);
    try {
      await taken.ready;
      this.failing = false;
    } catch (error) {
      this.failing = true;
      this.used.delete(taken);
      throw error;
    } finally {
      // Not earlier: the start of the spare would slow down that of the room.
      if (!this.closed) setTimeout(() => this.prepareSpare(), SPARE_AFTER_MS);
    }
    return taken;
  }

  async release(process: MediaProcess): Promise<void> {
    this.used.delete(process);
    await process.close();
  }

  async close(): Promise<void> {
    this.closed = true;
    const all = [...this.used, ...(this.spare ? [this.spare] : [])];
    this.spare = undefined;
    this.used.clear();
    await Promise.all(all.map((process) => process.close()));
  }

  private prepareSpare(): void {
    if (this.closed || this.spare) return;
    const spare = new MediaProcess(this.logger);
    this.spare = spare;
    const started = () => {
      this.failing = false;
    };
    spare.ready.then(started, (error: unknown) => {
      this.failing = true;
      this.logger.error({ error }, 'cannot start a spare media process');
      if (this.spare === spare) this.spare = undefined;
    });
  }
}
