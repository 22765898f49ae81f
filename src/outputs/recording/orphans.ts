/** Finds folders of recordings without a manifest: the disk was full, or the index was lost. */
import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { FILE_FORMATS, FORMAT_CODECS } from '../../protocol/file-format.js';
import type { RecordingManifest } from './recording-manifest.js';

/** Stands for the room's name. */
const UNKNOWN_ROOM = 'unknown';

/** @returns manifests for the folders that have unfinished segments. */
export async function findOrphans(
  folder: string,
  isKnown: (id: string) => boolean,
): Promise<RecordingManifest[]> {
  const names = await readdir(folder).catch(() => [] as string[]);
  const found: RecordingManifest[] = [];
  for (const id of names.filter((name) => /^\d{14}-/.test(name) && !isKnown(name))) {
    const files = await readdir(join(folder, id)).catch(() => [] as string[]);
    const parts = files.filter((name) => /^composite-\d+\.\w+\.part$/.test(name)).sort();
    const format = FILE_FORMATS.find((one) => parts[0]?.endsWith(`.${one}.part`));
    if (!format) continue;
    const { birthtimeMs } = await stat(join(folder, id, parts[0] ?? ''));
    found.push({
      id,
      room: UNKNOWN_ROOM,
      roomSid: '',
      status: 'recording',
      format,
      audioCodec: FORMAT_CODECS[format].audio[0] ?? 'opus',
      startedAt: Math.round(birthtimeMs),
      durationMs: 0,
      bytes: 0,
      files: [],
      tracks: [],
      store: 'local',
      segments: parts.map((path) => ({ path, offsetMicros: 0 })),
    });
  }
  return found;
}
