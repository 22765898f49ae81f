/** Reads and changes boxes of MP4 files (ISO/IEC 14496-12), to repair them and to add chapters. */
import { type FileHandle, open } from 'node:fs/promises';
import type { Chapter } from '../link/egress-messages.js';

interface Box {
  readonly type: string;
  readonly start: number;
  readonly size: number;
}

const HEADER = 8;
const LARGE_HEADER = 16;

/** The box at `start`; undefined if the file ends within it. */
async function boxAt(file: FileHandle, start: number, end: number): Promise<Box | undefined> {
  const head = Buffer.alloc(LARGE_HEADER);
  const { bytesRead } = await file.read(head, 0, LARGE_HEADER, start);
  if (bytesRead < HEADER) return undefined;
  const short = head.readUInt32BE(0);
  if (short === 1 && bytesRead < LARGE_HEADER) return undefined;
  const size = short === 1 ? Number(head.readBigUInt64BE(8)) : short;
  if (size < HEADER || start + size > end) return undefined;
  return { type: head.toString('latin1', 4, 8), start, size };
}

async function topLevel(file: FileHandle): Promise<Box[]> {
  const { size: end } = await file.stat();
  const boxes: Box[] = [];
  for (let at = 0; at < end; ) {
    const box = await boxAt(file, at, end);
    if (!box) break;
    boxes.push(box);
    at += box.size;
  }
  return boxes;
}

/** The boxes inside a box, from an offset into it. */
function children(data: Buffer, from: number): { type: string; body: Buffer }[] {
  const found: { type: string; body: Buffer }[] = [];
  for (let at = from; at + HEADER <= data.length; ) {
    const size = data.readUInt32BE(at);
    if (size < HEADER || at + size > data.length) break;
    found.push({
      type: data.toString('latin1', at + 4, at + 8),
      body: data.subarray(at + HEADER, at + size),
    });
    at += size;
  }
  return found;
}

/** The whole fragments of a file. */
export interface Fragments {
  /** Bytes from the start of the file to the end of its last whole fragment. */
  readonly bytes: number;
  /** Samples of all tracks. */
  readonly samples: number;
}

/** @returns undefined if the file has no header, or no whole fragment. */
export async function scanFragments(path: string): Promise<Fragments | undefined> {
  const file = await open(path, 'r');
  try {
    const boxes = await topLevel(file);
    if (!boxes.some(({ type }) => type === 'moov')) return undefined;
    let bytes = 0;
    let samples = 0;
    for (const [index, { type, start, size }] of boxes.entries()) {
      const data = boxes[index + 1];
      if (type !== 'moof' || data?.type !== 'mdat') continue;
      const moof = Buffer.alloc(size);
      await file.read(moof, 0, size, start);
      samples += samplesOf(moof);
      bytes = data.start + data.size;
    }
    return samples > 0 ? { bytes, samples } : undefined;
  } finally {
    await file.close();
  }
}

function samplesOf(moof: Buffer): number {
  let samples = 0;
  for (const traf of children(moof, HEADER)) {
    if (traf.type !== 'traf') continue;
    for (const run of children(traf.body, 0)) {
      if (run.type === 'trun') samples += run.body.readUInt32BE(4);
    }
  }
  return samples;
}

/** `udta` with Nero's chapter list, which FFmpeg, VLC and most players read. */
function chapterBox(chapters: readonly Chapter[]): Buffer {
  const entries = chapters.slice(0, 255).map(({ startMicros, title }) => {
    const text = Buffer.from(title).subarray(0, 255);
    const entry = Buffer.alloc(9 + text.length);
    // In units of 100 ns.
    entry.writeBigUInt64BE(BigInt(Math.max(0, Math.round(startMicros))) * 10n, 0);
    entry[8] = text.length;
    text.copy(entry, 9);
    return entry;
  });
  const head = Buffer.from([1, 0, 0, 0, 0, 0, 0, 0, entries.length]);
  return box('chpl', Buffer.concat([head, ...entries]));
}

function box(type: string, body: Buffer): Buffer {
  const head = Buffer.alloc(HEADER);
  head.writeUInt32BE(HEADER + body.length, 0);
  head.write(type, 4, 'latin1');
  return Buffer.concat([head, body]);
}

/**
 * Adds chapters to a file whose index is followed by reserved space.
 * @returns false if there is not enough space.
 */
export async function writeChapters(path: string, chapters: readonly Chapter[]): Promise<boolean> {
  const file = await open(path, 'r+');
  try {
    const boxes = await topLevel(file);
    const at = boxes.findIndex(({ type }) => type === 'moov');
    const [moov, free] = [boxes[at], boxes[at + 1]];
    if (!moov || free?.type !== 'free') return false;
    const data = Buffer.alloc(moov.size);
    await file.read(data, 0, moov.size, moov.start);
    const before = children(data, HEADER);
    const udta = before.find(({ type }) => type === 'udta')?.body ?? Buffer.alloc(0);
    const others = before.filter(({ type }) => type !== 'udta');
    const body = [...others, { type: 'udta', body: Buffer.concat([udta, chapterBox(chapters)]) }];
    const made = box('moov', Buffer.concat(body.map((part) => box(part.type, part.body))));
    const left = moov.size + free.size - made.length;
    if (left < HEADER) return false;
    const rest = Buffer.alloc(HEADER);
    rest.writeUInt32BE(left, 0);
    rest.write('free', 4, 'latin1');
    await file.write(Buffer.concat([made, rest]), 0, made.length + HEADER, moov.start);
    return true;
  } finally {
    await file.close();
  }
}
