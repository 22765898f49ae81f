/** Writes chapters into a Matroska file (RFC 9559, 5.1.7), over padding that was reserved for them. */
import { type FileHandle, open } from 'node:fs/promises';
import type { Chapter } from '../link/egress-messages.js';

const ID = {
  segment: 0x18538067,
  cluster: 0x1f43b675,
  void: 0xec,
  chapters: 0x1043a770,
  edition: 0x45b9,
  atom: 0xb6,
  uid: 0x73c4,
  timeStart: 0x91,
  display: 0x80,
  string: 0x85,
  language: 0x437c,
} as const;
/** Header of a Void element whose length has eight bytes. */
const VOID_HEADER = 9;
const MAX_ELEMENTS = 100;

interface Element {
  readonly id: number;
  readonly start: number;
  readonly bodyStart: number;
  /** Offset after the element; infinite if its length is unknown. */
  readonly end: number;
}

/** The element at `start` (RFC 8794, 4 to 6); undefined if there is none. */
async function elementAt(file: FileHandle, start: number): Promise<Element | undefined> {
  const head = Buffer.alloc(12);
  const { bytesRead } = await file.read(head, 0, head.length, start);
  const idLength = Math.clz32(head[0] as number) - 23;
  if (bytesRead < 2 || idLength > 4) return undefined;
  const first = head[idLength] as number;
  const sizeLength = Math.clz32(first) - 23;
  if (sizeLength > 8) return undefined;
  let size = first & (0xff >> sizeLength);
  let unknown = size === 0xff >> sizeLength;
  for (const byte of head.subarray(idLength + 1, idLength + sizeLength)) {
    size = size * 256 + byte;
    unknown &&= byte === 0xff;
  }
  const bodyStart = start + idLength + sizeLength;
  const end = unknown ? Number.POSITIVE_INFINITY : bodyStart + size;
  return { id: head.readUIntBE(0, idLength), start, bodyStart, end };
}

function element(id: number, body: Buffer): Buffer {
  const idBytes = Buffer.from(id.toString(16).padStart(2, '0'), 'hex');
  const size = Buffer.alloc(4);
  size.writeUInt32BE(0x1000_0000 | body.length);
  return Buffer.concat([idBytes, size, body]);
}

function integer(value: number): Buffer {
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64BE(BigInt(Math.max(0, Math.round(value))));
  return bytes;
}

function chaptersElement(chapters: readonly Chapter[]): Buffer {
  const atoms = chapters.map(({ startMicros, title }, index) => {
    const display = [
      element(ID.string, Buffer.from(title)),
      element(ID.language, Buffer.from('und')),
    ];
    return element(
      ID.atom,
      Buffer.concat([
        element(ID.uid, integer(index + 1)),
        element(ID.timeStart, integer(startMicros * 1000)),
        element(ID.display, Buffer.concat(display)),
      ]),
    );
  });
  return element(ID.chapters, element(ID.edition, Buffer.concat(atoms)));
}

/** @returns false if no padding is large enough. */
export async function writeWebmChapters(
  path: string,
  chapters: readonly Chapter[],
): Promise<boolean> {
  const made = chaptersElement(chapters);
  const file = await open(path, 'r+');
  try {
    let at = 0;
    for (let count = 0; count < MAX_ELEMENTS; count++) {
      const found = await elementAt(file, at);
      if (!found || found.id === ID.cluster) return false;
      const left = found.end - found.start - made.length;
      if (found.id === ID.void && left >= VOID_HEADER) {
        const rest = Buffer.alloc(VOID_HEADER);
        rest[0] = ID.void;
        rest.writeBigUInt64BE((1n << 56n) | BigInt(left - VOID_HEADER), 1);
        const both = Buffer.concat([made, rest]);
        await file.write(both, 0, both.length, found.start);
        return true;
      }
      at = found.id === ID.segment ? found.bodyStart : found.end;
    }
    return false;
  } finally {
    await file.close();
  }
}
