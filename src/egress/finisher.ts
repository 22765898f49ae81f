/**
 * Makes one finished file out of the segments of a recording: whole fragments only, one timeline,
 * the index in front, chapters and tags. What a crash left behind is finished in the same way.
 */
import { open, rename, rm, stat, truncate } from 'node:fs/promises';
import { Demuxer } from '../codecs/ffmpeg/demuxer.js';
import { type MuxedPacket, type MuxedTrack, Muxer } from '../codecs/ffmpeg/muxer.js';
import type { FinishCommand, Segment } from '../link/egress-messages.js';
import type { Micros } from '../util/units.js';
import { AudioGrid } from './audio-grid.js';
import { CONTAINERS, paddingMicros } from './containers.js';
import { KeyframePicker, type PickedKeyframe } from './keyframe-picker.js';
import { type Fragments, scanFragments, writeChapters } from './mp4-boxes.js';
import { writeWebmChapters } from './webm-chapters.js';

/** Of one track of an MP4 before the other's turn: few runs of samples keep its index small. */
const RUN: Micros = 500_000;
/** Of an MP4's index: in all, for each sample, and for each run of samples. */
const INDEX_BYTES = { base: 65_536, perSample: 16, perRun: 64 } as const;
const RUNS_PER_SAMPLE = 1 / 10;
/** Of Matroska's, with the chapters: in all, and for each byte of the recording. */
const CUES = { base: 16_384, share: 1 / 50_000 } as const;

export interface FinishedFile {
  readonly durationMicros: Micros;
  readonly video: MuxedTrack | undefined;
  readonly keyframes: readonly PickedKeyframe[];
}

interface Repaired extends Segment {
  readonly bytes: number;
  readonly fragments: Fragments | undefined;
}

/** Cuts off what was being written when it ended. @returns undefined if nothing is left. */
async function repair(segment: Segment, isMp4: boolean): Promise<Repaired | undefined> {
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

/**
 * @returns undefined if there is nothing in any segment. Those that are in the file now are gone.
 * @throws Error if it cannot be written; the segments are there still, each of them playable.
 */
export async function finish(command: FinishCommand): Promise<FinishedFile | undefined> {
  const isMp4 = CONTAINERS[command.format].muxer === 'mp4';
  const repaired: Repaired[] = [];
  for (const segment of command.segments) {
    const found = await repair(segment, isMp4);
    if (found) repaired.push(found);
  }
  if (repaired.length === 0) return undefined;
  const unread = new Set<string>();
  const made = `${command.output}.new`;
  try {
    const file = await join(command, repaired, made, unread);
    if (!file) return undefined;
    await labelled(command, made);
    const handle = await open(made, 'r+');
    await handle.sync();
    await handle.close();
    await rename(made, command.output);
    for (const { path } of command.segments) {
      if (!unread.has(path)) await rm(path, { force: true });
    }
    return file;
  } catch (error) {
    await rm(made, { force: true });
    throw error;
  }
}

function optionsFor(
  { format }: FinishCommand,
  segments: readonly Repaired[],
): Record<string, string> {
  const { muxer } = CONTAINERS[format];
  if (muxer === 'mp4') {
    const samples = segments.reduce((sum, { fragments }) => sum + (fragments?.samples ?? 0), 0);
    const { base, perSample, perRun } = INDEX_BYTES;
    const bytes = base + samples * (perSample + perRun * RUNS_PER_SAMPLE);
    return { moov_size: String(Math.ceil(bytes)) };
  }
  if (muxer === 'webm') {
    const bytes = segments.reduce((sum, segment) => sum + segment.bytes, 0);
    return { reserve_index_space: String(CUES.base + Math.ceil(bytes * CUES.share)) };
  }
  return {};
}

async function join(
  command: FinishCommand,
  segments: readonly Repaired[],
  path: string,
  /** Gets those that could not be read. */
  unread: Set<string>,
): Promise<FinishedFile | undefined> {
  let muxer: Muxer | undefined;
  let writer: JoinedTracks | undefined;
  let tracks: readonly MuxedTrack[] = [];
  const picker = new KeyframePicker();
  try {
    for (const segment of segments) {
      const source = await Demuxer.open(segment.path).catch(() => undefined);
      if (!source) {
        unread.add(segment.path);
        continue;
      }
      try {
        if (!muxer) {
          tracks = source.tracks;
          muxer = await Muxer.open(path, {
            format: CONTAINERS[command.format].muxer,
            tracks,
            options: optionsFor(command, segments),
            metadata: { ...command.metadata, ...chapterTags(command) },
          });
          const run = CONTAINERS[command.format].muxer === 'mp4' ? RUN : 0;
          writer = new JoinedTracks(muxer, tracks, picker, run);
        }
        writer?.beginSegment(segment.offsetMicros);
        for (;;) {
          const packet = await source.read();
          if (!packet) break;
          await writer?.add(packet);
        }
      } finally {
        await source.close();
      }
    }
    const durationMicros = await writer?.end();
    await muxer?.close();
    if (durationMicros === undefined) return undefined;
    const video = tracks.find(({ kind }) => kind === 'video');
    return { durationMicros, video, keyframes: picker.picked };
  } catch (error) {
    await muxer?.abandon();
    throw error;
  }
}

async function labelled({ format, chapters }: FinishCommand, path: string): Promise<void> {
  const { muxer } = CONTAINERS[format];
  if (chapters.length === 0) return;
  if (muxer === 'mp4') await writeChapters(path, chapters);
  else if (muxer === 'webm') await writeWebmChapters(path, chapters);
}

/** Ogg has its chapters among its tags. */
function chapterTags({ format, chapters }: FinishCommand): Record<string, string> {
  if (format !== 'ogg') return {};
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

/** Packets of all segments on one timeline; each picture lasts until the next, the last to the end. */
class JoinedTracks {
  private readonly grids: (AudioGrid | undefined)[];
  private readonly runs: MuxedPacket[][];
  private heldPicture: MuxedPacket | undefined;
  private runBegan: Micros = 0;
  private offset: Micros = 0;
  private end_: Micros = 0;
  private readonly paddings: number[];

  constructor(
    private readonly muxer: Muxer,
    private readonly tracks: readonly MuxedTrack[],
    private readonly picker: KeyframePicker,
    private readonly run: Micros,
  ) {
    this.grids = tracks.map(() => undefined);
    this.runs = tracks.map(() => []);
    this.paddings = tracks.map(paddingMicros);
  }

  beginSegment(offset: Micros): void {
    this.offset = offset;
  }

  async add(packet: MuxedPacket): Promise<void> {
    const { track } = packet;
    const described = this.tracks[track];
    if (!described) return;
    const ptsMicros = packet.ptsMicros + this.offset;
    if (described.kind === 'video') {
      const held = this.heldPicture;
      if (held && ptsMicros <= held.ptsMicros) return;
      if (packet.keyframe) this.picker.offer(ptsMicros, packet.data);
      this.heldPicture = { ...packet, ptsMicros };
      if (held) this.put({ ...held, durationMicros: ptsMicros - held.ptsMicros });
    } else {
      this.addSound({ ...packet, ptsMicros }, described.codec);
    }
    if (ptsMicros - this.runBegan < this.run) return;
    this.runBegan = ptsMicros;
    await this.writeRuns();
  }

  /** @returns how long it became; undefined if nothing was in it. */
  async end(): Promise<Micros | undefined> {
    const held = this.heldPicture;
    if (held) {
      const least = held.ptsMicros + Math.max(held.durationMicros, 1000);
      this.put({ ...held, durationMicros: Math.max(least, this.end_) - held.ptsMicros });
    }
    await this.writeRuns();
    return this.end_ > 0 ? this.end_ : undefined;
  }

  private addSound(packet: MuxedPacket, codec: string): void {
    const { track, ptsMicros } = packet;
    if (codec !== 'opus') {
      this.put(packet);
      return;
    }
    // Between segments there is silence.
    const padding = this.paddings[track] ?? 0;
    const duration = packet.durationMicros || undefined;
    const grid = this.grids[track] ?? new AudioGrid(ptsMicros + padding);
    this.grids[track] = grid;
    for (const part of grid.push(ptsMicros + padding, packet.data, duration)) {
      this.put({ ...packet, ...part, ptsMicros: part.ptsMicros - padding });
    }
  }

  private put(packet: MuxedPacket): void {
    this.runs[packet.track]?.push(packet);
    const padding = this.paddings[packet.track] ?? 0;
    this.end_ = Math.max(this.end_, packet.ptsMicros + packet.durationMicros + padding);
  }

  private async writeRuns(): Promise<void> {
    for (const run of this.runs) {
      for (const packet of run.splice(0)) await this.muxer.write(packet);
    }
  }
}
