/** What must hold after each batch of inputs, whatever they were. */
import { readFileSync } from 'node:fs';
import type { CallReport, InnocentCall } from './call.js';
import { CALL, type FuzzServer } from './server.js';

/** Longest gap that the innocents may notice, in milliseconds. */
const MAX_GAP_MS = 100;
const FRAME_MS = 1000 / 30;
/** The process of the innocents was late itself by more than this: gaps say nothing. */
const MAX_OWN_DELAY_MS = 50;
/** Fatter than after the first round by more than this: memory is not flat. In bytes. */
const MAX_GROWTH = { heapUsed: 64 << 20, server: 300 << 20, media: 300 << 20 } as const;
/** The level of error lines in pino's log. */
const ERROR_LEVEL = 50;

export interface CheckResult {
  /** What is wrong for certain. */
  readonly faults: readonly string[];
  /** What the innocents noticed: a busy machine can do that too, so it is tried again. */
  readonly gaps: readonly string[];
}

interface Memory {
  readonly heapUsed: number;
  /** Resident, of the server and of the call's media process. */
  readonly server: number;
  readonly media: number;
}

/** Resident bytes of a process; 0 if it is gone. */
function residentBytes(pid: number): number {
  try {
    const pages = Number(readFileSync(`/proc/${pid}/statm`, 'utf8').split(' ')[1]);
    return pages * 4096;
  } catch {
    return 0;
  }
}

/** Gaps that one of the innocents noticed. */
function gapsOf({ people, ownDelayMs }: CallReport): string[] {
  if (ownDelayMs > MAX_OWN_DELAY_MS) return [];
  return people.flatMap((person) => {
    const bars = [
      ['the sound of somebody', person.soundGapMs, MAX_GAP_MS],
      ['all sound', person.soundPauseMs, MAX_GAP_MS + 20],
      ['the picture', person.pictureGapMs, MAX_GAP_MS + FRAME_MS],
      // The camera and the composite are not in step.
      ['a tile', person.tileGapMs ?? 0, MAX_GAP_MS + 2 * FRAME_MS],
    ] as const;
    return bars
      .filter(([, gap, most]) => gap > most)
      .map(([what, gap]) => `${person.name} missed ${what} for ${Math.round(gap)} ms`);
  });
}

export class Checks {
  private mediaPid: number | undefined;
  private restarts = 0;
  private linesRead = 0;
  private first: Memory | undefined;

  constructor(
    private readonly server: FuzzServer,
    private readonly call: InnocentCall,
  ) {}

  /** Every target had inputs once: from now on memory must be flat. */
  async warm(): Promise<void> {
    if (this.first) return;
    await this.server.collectGarbage();
    this.first = await this.memory();
  }

  async run(): Promise<CheckResult> {
    const { server } = this.server;
    if (server.exitCode !== undefined) {
      return { faults: [`the server ended with ${server.exitCode}`], gaps: [] };
    }
    const report = await this.call.report();
    const faults = [...this.errorLines(), ...(await this.restarted()), ...(await this.grown())];
    return { faults, gaps: gapsOf(report) };
  }

  /** Begins again: what happened until now is known. */
  async forget(): Promise<void> {
    await this.run();
  }

  private errorLines(): string[] {
    const { log } = this.server.server;
    const lines = log.slice(this.linesRead).join('').split('\n');
    this.linesRead = log.length;
    return lines.filter(isError).map((line) => `the server logged ${line.slice(0, 2000)}`);
  }

  private async restarted(): Promise<string[]> {
    const { rooms } = await this.server.stats();
    const faults: string[] = [];
    for (const { id, counters, mediaPid } of rooms) {
      const restarts = counters.media_process_restarts ?? 0;
      if (id !== CALL) {
        if (restarts > 0) faults.push(`the media process of the room ${id} was restarted`);
        continue;
      }
      const isOther = this.mediaPid !== undefined && mediaPid !== this.mediaPid;
      if (restarts !== this.restarts || isOther) {
        faults.push(`the media process of the call was restarted (${restarts} times)`);
      }
      this.restarts = restarts;
      this.mediaPid = mediaPid;
    }
    if (!rooms.some(({ id }) => id === CALL)) faults.push('the call is gone');
    return faults;
  }

  /** Garbage does not count: it is collected before memory is said to have grown. */
  private async grown(): Promise<string[]> {
    const faults = await this.grownParts();
    if (faults.length === 0) return [];
    await this.server.collectGarbage();
    return this.grownParts();
  }

  private async grownParts(): Promise<string[]> {
    const { first } = this;
    if (!first) return [];
    const now = await this.memory();
    return (['heapUsed', 'server', 'media'] as const)
      .filter((part) => now[part] - first[part] > MAX_GROWTH[part])
      .map((part) => `memory (${part}) grew from ${first[part]} to ${now[part]} bytes`);
  }

  private async memory(): Promise<Memory> {
    const { memory } = await this.server.stats();
    const { heapUsed, rss } = memory;
    const media = this.mediaPid === undefined ? 0 : residentBytes(this.mediaPid);
    return { heapUsed, server: rss, media };
  }
}

/** Whether a line of the log tells of an error that nobody expected. */
function isError(line: string): boolean {
  if (!line.startsWith('{')) return /unhandled|uncaught|FATAL ERROR/i.test(line);
  try {
    return (JSON.parse(line) as { level?: number }).level === ERROR_LEVEL;
  } catch {
    return false;
  }
}
