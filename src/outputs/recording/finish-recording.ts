/** Makes the finished files of a recording, after its end or after a crash. */
import { readdir, rename, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { EgressEvent, FinishCommand } from '../../link/egress-messages.js';
import type { Logger } from '../../logger.js';
import { FILE_FORMATS } from '../../protocol/file-format.js';
import type { ParticipantTrack, RecordingFile } from '../../protocol/recording-info.js';
import type { EgressHandle, EgressLauncher } from '../egress-processes.js';
import { infoOf, type RecordingManifest } from './recording-manifest.js';
import { chaptersOf, finishTimeline, readTimeline } from './timeline-log.js';

const PART = '.part';

type Finished = Extract<EgressEvent, { type: 'finished' | 'fault' }>;

/** Runs one job after the other in an egress process; a job after a crash gets a new process. */
class FinishingProcess {
  private process: EgressHandle | undefined;
  private onEvent: (event: EgressEvent) => void = () => {};
  private onCrash: (reason: Error) => void = () => {};

  constructor(
    private readonly processes: EgressLauncher,
    private readonly logger: Logger,
  ) {}

  /** @throws Error if the process dies. */
  run(command: FinishCommand): Promise<Finished> {
    return new Promise((resolve, reject) => {
      this.onEvent = (event) => {
        if (event.type === 'finished' || event.type === 'fault') resolve(event);
      };
      this.onCrash = reject;
      this.process ??= this.processes.launch(this.logger, {
        onEvent: (event) => this.onEvent(event),
        onCrash: (reason) => {
          this.process = undefined;
          this.onCrash(new Error(reason));
        },
      });
      this.process.send(command);
    });
  }

  async close(): Promise<void> {
    await this.process?.close();
  }
}

/** The files of a folder that are for users; those whose names start with `first` come first. */
async function filesIn(folder: string, first: string): Promise<RecordingFile[]> {
  const names = await readdir(folder).catch(() => [] as string[]);
  const kept = names.filter((name) => !name.endsWith(PART) && !name.endsWith('.new'));
  const order = (name: string) => (name.startsWith(first) ? 0 : 1);
  kept.sort((a, b) => order(a) - order(b) || a.localeCompare(b));
  return Promise.all(
    kept.map(async (name) => ({ name, bytes: (await stat(join(folder, name))).size })),
  );
}

const COMPOSITE = 'composite';

/**
 * @returns the changes to the manifest. Files that cannot be finished stay as they were written, can be
 *   played to their last fragment, and the manifest has an error.
 */
export async function finishRecording(
  folder: string,
  manifest: RecordingManifest,
  processes: EgressLauncher,
  logger: Logger,
): Promise<Partial<RecordingManifest>> {
  const process = new FinishingProcess(processes, logger);
  try {
    return await finishFiles(folder, manifest, process, logger);
  } finally {
    await process.close();
  }
}

async function finishFiles(
  folder: string,
  manifest: RecordingManifest,
  process: FinishingProcess,
  logger: Logger,
): Promise<Partial<RecordingManifest>> {
  const { format, segments, room, startedAt, id } = manifest;
  const events = await readTimeline(folder);
  let error = manifest.error;
  let durationMs = 0;
  const metadata = {
    title: room,
    comment: `Recorded by Tessera (${id})`,
    creation_time: new Date(startedAt).toISOString(),
  };
  try {
    const outcome = await process.run({
      type: 'finish',
      segments: segments.map(({ path, offsetMicros }) => ({
        path: join(folder, path),
        offsetMicros,
      })),
      output: join(folder, `${COMPOSITE}.${format}`),
      format,
      chapters: chaptersOf(events, room),
      metadata,
      picturesFolder: folder,
    });
    if (outcome.type === 'fault') error ??= { code: outcome.code, message: outcome.message };
    else durationMs = Math.round((outcome.durationMicros ?? 0) / 1000);
  } catch (cause) {
    error ??= {
      code: 'egress_failed',
      message: `the recording could not be finished: ${String(cause)}`,
    };
  }
  await keepUnfinished(folder);
  const tracks = await finishTracks(folder, manifest, process, logger);
  const about = { ...infoOf(manifest), durationMs, tracks, status: undefined, files: undefined };
  await finishTimeline(folder, about, events).catch((cause: unknown) =>
    logger.warn({ error: cause }, 'the timeline could not be finished'),
  );
  const files = await filesIn(folder, COMPOSITE);
  const isThere = files.some(({ name }) => name.startsWith(COMPOSITE));
  if (!isThere) error ??= { code: 'recording_empty', message: 'nothing was recorded' };
  return {
    status: error ? 'failed' : 'finished',
    endedAt: manifest.endedAt ?? Date.now(),
    durationMs: durationMs || manifest.durationMs,
    bytes: files.reduce((sum, { bytes }) => sum + bytes, 0),
    files,
    tracks,
    segments: [],
    ...(error ? { error } : {}),
  };
}

/** Segments that could not be joined lose their `.part`: each can be played by itself. */
async function keepUnfinished(folder: string): Promise<void> {
  const names = await readdir(folder).catch(() => [] as string[]);
  for (const name of names) {
    if (name.endsWith('.new')) await rm(join(folder, name), { force: true });
    if (!name.startsWith(COMPOSITE) || !name.endsWith(PART)) continue;
    const path = join(folder, name);
    const { size } = await stat(path);
    if (size === 0) await rm(path, { force: true });
    else await rename(path, path.slice(0, -PART.length));
  }
}

/** Finishes the participants' own tracks. @returns those that have media. */
async function finishTracks(
  folder: string,
  { tracks }: RecordingManifest,
  process: FinishingProcess,
  logger: Logger,
): Promise<RecordingManifest['tracks']> {
  const kept: ParticipantTrack[] = [];
  for (const track of tracks) {
    if (await finishTrack(join(folder, track.file), process, logger)) kept.push(track);
  }
  return kept;
}

/** @returns whether the file is there: finished, or as it was written if it cannot be finished. */
async function finishTrack(
  output: string,
  process: FinishingProcess,
  logger: Logger,
): Promise<boolean> {
  const format = FILE_FORMATS.find((name) => output.endsWith(`.${name}`));
  if (!format) return false;
  const part = `${output}${PART}`;
  const segments = [{ path: part, offsetMicros: 0 }];
  const command = { type: 'finish', segments, output, format, chapters: [], metadata: {} } as const;
  try {
    const outcome = await process.run(command);
    if (outcome.type === 'finished') {
      const hasMedia = outcome.durationMicros !== undefined;
      if (!hasMedia) await rm(part, { force: true });
      return hasMedia;
    }
    logger.warn({ reason: outcome.message, output }, 'a track could not be finished');
  } catch (error) {
    logger.warn({ error, output }, 'a track could not be finished');
  }
  return rename(part, output).then(
    () => true,
    (error: unknown) => {
      logger.warn({ error, output }, 'a track is missing');
      return false;
    },
  );
}
