/**
 * Joins the segments of a recording into one finished file: whole fragments only, one timeline, the
 * index in front, chapters and tags. It works on what a crash left behind, too.
 */
import { open, rename, rm, stat, truncate } from 'node:fs/promises';
import { Demuxer } from '../codecs/ffmpeg/demuxer.js';
import { type MuxedTrack, Muxer } from '../codecs/ffmpeg/muxer.js';
import type { Chapter, FinishCommand, Segment } from '../link/egress-messages.js';
import type { Micros } from '../util/units.js';
import { CONTAINERS } from './containers.js';
import { JoinedTracks } from './joined-tracks.js';
import { KeyframePicker, type PickedKeyframe } from './keyframe-picker.js';
import { type Fragments, scanFragments, writeChapters } from './mp4-boxes.js';
import { writeWebmChapters } from './webm-chapters.js';

/** An MP4's index has one entry for each run of samples of a track: longer runs keep it small. */
const MP4_RUN: Micros = 500_000;
/** Space for an MP4's index, in bytes: in all, for each sample, and for each run of samples. */
const MP4_INDEX = { base: 65_536, perSample: 16, perRun: 64 } as const;
const RUNS_PER_SAMPLE = 1 / 10;
/** Space for Matroska's index and chapters: bytes in all, and for each byte of the recording. */
const WEBM_INDEX = { base: 16_384, perByte: 1 / 50_000 } as const;

export interface FinishedFile {
  readonly durationMicros: Micros;
  readonly video: MuxedTrack | undefined;
  /** For the poster and the thumbnails. */
  readonly keyframes: readonly PickedKeyframe[];
}

/** A segment that ends with whole data. */
interface UsableSegment extends Segment {
  readonly bytes: number;
  /** Of MP4. */
  readonly fragments: Fragments | undefined;
}

/**
 * Writes the finished file and deletes the segments that are in it.
 * @returns undefined if there is nothing in any segment.
 * @throws Error if it cannot be written. The segments are kept then; each of them can be played.
 */
export async function finish(command: FinishCommand): Promise<FinishedFile | undefined> {
  const isMp4 = CONTAINERS[command.format].muxer === 'mp4';
  const usable: UsableSegment[] = [];
  for (const segment of command.segments) {
    const found = await repair(segment, isMp4);
    if (found) usable.push(found);
  }
  if (usable.length === 0) return undefined;
  const path = `${command.output}.new`;
  try {
    const joined = await join(command, usable, path);
    if (!joined) {
      await rm(path, { force: true });
      return undefined;
    }
    await writeChaptersOf(command, path);
    await sync(path);
    await rename(path, command.output);
    for (const segment of command.segments) {
      if (!joined.unreadable.has(segment.path)) await rm(segment.path, { force: true });
    }
    return joined.file;
  } catch (error) {
    await rm(path, { force: true });
    throw error;
  }
}

/** Cuts off a fragment that was not written to its end. @returns undefined if nothing is left. */
async function repair(segment: Segment, isMp4: boolean): Promise<UsableSegment | undefined> {
  const size = await stat(segment.path).then(
    (found) => found.size,
    () => 0,
  );
  if (size === 0) return undefined;
  if (!isMp4) return { ...segment, bytes: size, fragments: undefined };
  const fragments = await scanFragments(segment.path);
  if (!fragments) return undefined;
  if (fragments.bytes < size) await truncate(segment.path, fragments.bytes);
  return { ...segment, bytes: fragments.bytes, fragments };
}

/** The file that is being written, from the first segment that can be read. */
interface Target {
  readonly muxer: Muxer;
  readonly tracks: readonly MuxedTrack[];
  readonly joined: JoinedTracks;
}

/** @returns undefined if nothing could be read; `unreadable` has the paths that could not. */
async function join(
  command: FinishCommand,
  segments: readonly UsableSegment[],
  path: string,
): Promise<{ file: FinishedFile; unreadable: ReadonlySet<string> } | undefined> {
  const unreadable = new Set<string>();
  const picker = new KeyframePicker();
  let target: Target | undefined;
  try {
    for (const segment of segments) {
      const source = await Demuxer.open(segment.path).catch(() => undefined);
      if (!source) {
        unreadable.add(segment.path);
        continue;
      }
      try {
        target ??= await openTarget(command, segments, path, source.tracks, picker);
        target.joined.startSegment(segment.offsetMicros);
        for (let packet = await source.read(); packet; packet = await source.read()) {
          await target.joined.add(packet);
        }
      } finally {
        await source.close();
      }
    }
    const durationMicros = await target?.joined.end();
    await target?.muxer.close();
    if (!target || durationMicros === undefined) return undefined;
    const video = target.tracks.find(({ kind }) => kind === 'video');
    return { file: { durationMicros, video, keyframes: picker.picked }, unreadable };
  } catch (error) {
    await target?.muxer.abandon();
    throw error;
  }
}

async function openTarget(
  command: FinishCommand,
  segments: readonly UsableSegment[],
  path: string,
  tracks: readonly MuxedTrack[],
  picker: KeyframePicker,
): Promise<Target> {
  const { muxer: format } = CONTAINERS[command.format];
  const muxer = await Muxer.open(path, {
    format,
    tracks,
    options: indexOptions(format, segments),
    metadata: { ...command.metadata, ...(format === 'ogg' ? oggChapters(command.chapters) : {}) },
  });
  const joined = new JoinedTracks(muxer, tracks, picker, format === 'mp4' ? MP4_RUN : 0);
  return { muxer, tracks, joined };
}

/** Reserves space in front of the media for the index and the chapters. */
function indexOptions(muxer: string, segments: readonly UsableSegment[]): Record<string, string> {
  if (muxer === 'mp4') {
    const samples = segments.reduce((sum, { fragments }) => sum + (fragments?.samples ?? 0), 0);
    const { base, perSample, perRun } = MP4_INDEX;
    const bytes = base + samples * (perSample + perRun * RUNS_PER_SAMPLE);
    return { moov_size: String(Math.ceil(bytes)) };
  }
  if (muxer === 'webm') {
    const bytes = segments.reduce((sum, segment) => sum + segment.bytes, 0);
    return { reserve_index_space: String(WEBM_INDEX.base + Math.ceil(bytes * WEBM_INDEX.perByte)) };
  }
  return {};
}

async function writeChaptersOf({ format, chapters }: FinishCommand, path: string): Promise<void> {
  const { muxer } = CONTAINERS[format];
  if (chapters.length === 0) return;
  if (muxer === 'mp4') await writeChapters(path, chapters);
  else if (muxer === 'webm') await writeWebmChapters(path, chapters);
}

/** Ogg has its chapters among its tags. */
function oggChapters(chapters: readonly Chapter[]): Record<string, string> {
  const tags: Record<string, string> = {};
  chapters.forEach(({ startMicros, title }, index) => {
    const number = String(index + 1).padStart(3, '0');
    tags[`CHAPTER${number}`] = clockTime(startMicros);
    tags[`CHAPTER${number}NAME`] = title;
  });
  return tags;
}

function clockTime(micros: Micros): string {
  return new Date(Math.max(0, micros) / 1000).toISOString().slice(11, 23);
}

async function sync(path: string): Promise<void> {
  const handle = await open(path, 'r+');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}
