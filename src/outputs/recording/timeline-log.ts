/**
 * Timeline of a recording: what happened in the room. While the recording runs each event is a line of
 * JSON, so that a crash loses none; at the end they become one document. Chapters are made from it.
 */
import { appendFile, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Chapter } from '../../link/egress-messages.js';

export type Happening =
  | {
      readonly type: 'joined' | 'changed';
      readonly participant: string;
      readonly identity: string;
      readonly name: string;
      readonly mic: boolean;
      readonly camera: boolean;
      readonly screen: boolean;
    }
  | { readonly type: 'left'; readonly participant: string }
  /** All participants who speak from now on. */
  | { readonly type: 'speaking'; readonly participants: readonly string[] }
  | { readonly type: 'layout'; readonly mode: string; readonly regions: readonly unknown[] }
  | {
      readonly type: 'chat';
      readonly participant: string;
      readonly name: string;
      readonly text: string;
    }
  | { readonly type: 'paused' }
  | { readonly type: 'resumed' }
  /** The egress process died: some media may be missing here. */
  | { readonly type: 'interrupted' };

/** `at` is milliseconds in the recording, `time` is milliseconds since 1970. */
export type TimelineEvent = Happening & { readonly at: number; readonly time: number };

const TIMELINE = 'timeline.json';
const GROWING = 'timeline.jsonl.part';
/** Smallest distance of chapters. */
const MIN_CHAPTER_MS = 10_000;

export class TimelineLog {
  private writing: Promise<void> = Promise.resolve();

  /** @param onError gets the error when a line could not be written. */
  constructor(
    private readonly folder: string,
    private readonly onError: (error: unknown) => void,
  ) {}

  /** @param at milliseconds in the recording. */
  add(happening: Happening, at: number): void {
    const event: TimelineEvent = { at: Math.round(at), time: Date.now(), ...happening };
    this.writing = this.writing
      .then(() => appendFile(join(this.folder, GROWING), `${JSON.stringify(event)}\n`))
      .catch((error: unknown) => this.onError(error));
  }

  /** Resolves when all lines are written. */
  async settled(): Promise<void> {
    await this.writing;
  }
}

/** The events of a log. The last line may be incomplete after a crash and is left out. */
export async function readTimeline(folder: string): Promise<TimelineEvent[]> {
  const text = await readFile(join(folder, GROWING), 'utf8').catch(() => '');
  return text.split('\n').flatMap((line) => {
    try {
      return line === '' ? [] : [JSON.parse(line) as TimelineEvent];
    } catch {
      // The crash cut this line off.
      return [];
    }
  });
}

/** Replaces the log by the finished document. @param about members of the document besides the events. */
export async function finishTimeline(
  folder: string,
  about: Readonly<Record<string, unknown>>,
  events: readonly TimelineEvent[],
): Promise<void> {
  const path = join(folder, TIMELINE);
  await writeFile(`${path}.new`, JSON.stringify({ version: 1, ...about, events }, undefined, 1));
  await rename(`${path}.new`, path);
  await rm(join(folder, GROWING), { force: true });
}

/** Chapters at the start, when somebody joins, at screen shares and after pauses. */
export function chaptersOf(events: readonly TimelineEvent[], title: string): Chapter[] {
  const chapters: Chapter[] = [{ startMicros: 0, title }];
  const sharing = new Set<string>();
  let last = 0;
  for (const event of events) {
    const found = chapterTitle(event, sharing);
    if (found === undefined || event.at - last < MIN_CHAPTER_MS) continue;
    last = event.at;
    chapters.push({ startMicros: event.at * 1000, title: found });
  }
  return chapters;
}

function chapterTitle(event: TimelineEvent, sharing: Set<string>): string | undefined {
  if (event.type === 'joined' || event.type === 'changed') {
    const began = event.screen && !sharing.has(event.participant);
    const ended = !event.screen && sharing.has(event.participant);
    if (event.screen) sharing.add(event.participant);
    else sharing.delete(event.participant);
    if (began) return `${event.name} shares a screen`;
    if (ended) return `${event.name} ends sharing`;
    return event.type === 'joined' ? `${event.name} joined` : undefined;
  }
  return event.type === 'resumed' ? 'Resumed' : undefined;
}
