/**
 * Decodes suspected sources in a media process of their own, one call at a time, so that a crash
 * names the guilty one and nobody else notices. Nobody receives what it makes.
 */
import type { MixSettings, SourceId, SourceState, VideoInFrame } from '../link/link-messages.js';
import type { Logger } from '../logger.js';
import type { Micros } from '../util/units.js';
import type { ProcessSource, RoomProcess } from './media-process-supervisor.js';

/** A source that has been decoded for this long, from its first keyframe on, is innocent. */
const PROBATION: Micros = 2_000_000;
/** A source that sends nothing for this long is let go: there is nothing to try. */
const SILENCE: Micros = 10_000_000;

/** Small and slow: nobody receives it. */
const RENDITION = { width: 320, height: 180, frameRate: 5, bitrateBps: 100_000 };

export interface ProbationEvents {
  /** The source crashed no decoder. */
  onAcquitted(source: SourceId): void;
  /** The source crashed the decoder. */
  onConvicted(source: SourceId): void;
  keyframeNeeded(source: SourceId): void;
}

interface Trial {
  readonly since: Micros;
  /** When its first keyframe was given to the decoder. */
  decodedSince: Micros | undefined;
}

export class Probation {
  private readonly trials = new Map<SourceId, Trial>();
  private states: readonly SourceState[] = [];
  private process: RoomProcess | undefined;
  private starting = false;
  /** Its processes that crashed in a row without a source that is guilty. */
  private unexplained = 0;
  private closed = false;

  constructor(
    private readonly pool: ProcessSource,
    private readonly settings: MixSettings,
    private readonly logger: Logger,
    private readonly events: ProbationEvents,
  ) {}

  /** @param states of all sources on probation. */
  setSources(states: readonly SourceState[], now: Micros): void {
    this.states = states;
    const present = new Set(states.map(({ id }) => id));
    for (const id of this.trials.keys()) if (!present.has(id)) this.trials.delete(id);
    for (const id of present) {
      if (!this.trials.has(id)) this.trials.set(id, { since: now, decodedSince: undefined });
    }
    if (this.trials.size === 0) this.end();
    else if (this.process) this.process.send({ type: 'sources', sources: this.states });
    else this.start();
  }

  frame(frame: VideoInFrame, now: Micros): void {
    const trial = this.trials.get(frame.source);
    if (!trial || !this.process) return;
    if (frame.keyframe) trial.decodedSince ??= now;
    this.process.sendFrame(frame);
  }

  /** Lets those go who have been decoded for long enough. */
  tick(now: Micros): void {
    for (const [source, { since, decodedSince }] of this.trials) {
      const isOver =
        decodedSince === undefined ? now - since > SILENCE : now - decodedSince > PROBATION;
      if (!isOver) continue;
      this.trials.delete(source);
      this.events.onAcquitted(source);
    }
  }

  /** Idempotent. Resolves when its process is gone. */
  async close(): Promise<void> {
    this.closed = true;
    this.trials.clear();
    await this.release();
  }

  private start(): void {
    if (this.starting || this.closed) return;
    this.starting = true;
    this.open()
      .catch((error: unknown) => this.logger.error({ error }, 'no process for a probation'))
      .finally(() => {
        this.starting = false;
      });
  }

  private async open(): Promise<void> {
    const process = await this.pool.acquire();
    if (this.closed || this.trials.size === 0) {
      await this.pool.release(process);
      return;
    }
    this.process = process;
    process.use({
      onEvent: (event) => {
        if (event.type === 'keyframe-needed') this.events.keyframeNeeded(event.source);
      },
      onFrame: () => {},
      onCrash: (reason, suspects) => this.crashed(process, reason, suspects),
    });
    const { width, height, frameRate } = RENDITION;
    const settings: MixSettings = {
      ...this.settings,
      ...{ width, height, frameRate, renditions: [RENDITION], hardware: undefined },
      ...{ labels: false, loadControl: false, probation: true },
    };
    process.send({ type: 'configure', settings });
    process.send({ type: 'sources', sources: this.states });
    const videos = [{ codec: 'vp8', rendition: 0 }] as const;
    process.send({ type: 'watch', videos, audio: false, lowAudio: [] });
    for (const source of this.trials.keys()) this.events.keyframeNeeded(source);
  }

  private crashed(process: RoomProcess, reason: string, suspects: readonly SourceId[] = []): void {
    if (this.process !== process) return;
    this.logger.error({ reason, suspects }, 'a source on probation crashed its process');
    this.end();
    const noted = suspects.filter((source) => this.trials.has(source));
    this.unexplained = noted.length > 0 ? 0 : this.unexplained + 1;
    const guilty = this.unexplained > 1 ? [...this.trials.keys()] : noted;
    for (const source of guilty) this.trials.delete(source);
    for (const source of guilty) this.events.onConvicted(source);
    for (const trial of this.trials.values()) trial.decodedSince = undefined;
    if (this.trials.size > 0) this.start();
  }

  private end(): void {
    this.release().catch((error: unknown) => this.logger.error({ error }, 'release failed'));
  }

  private async release(): Promise<void> {
    const { process } = this;
    this.process = undefined;
    if (process) await this.pool.release(process);
  }
}
