/**
 * Which sources were in native code when a media process died. The process writes their ids into a
 * file without a name before each call; the server holds the file too and reads it afterwards.
 */
import { randomUUID } from 'node:crypto';
import { closeSync, existsSync, openSync, readSync, unlinkSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { SourceId } from './link-messages.js';

/** File descriptor of the notes in the media process. */
export const NOTES_FD = 4;
/** Calls that can be noted at a time: those of libuv's pool, and one on the main thread. */
export const NOTED_CALLS = 8;
/** u32 each, 0 for none. */
export const NOTES_BYTES = 4 * NOTED_CALLS;
/** Lies in memory. */
const SHARED_MEMORY = '/dev/shm';

export class CrashNotes {
  private closed = false;

  private constructor(readonly fd: number) {}

  /** @throws Error if no file can be made. */
  static open(): CrashNotes {
    const folder = existsSync(SHARED_MEMORY) ? SHARED_MEMORY : tmpdir();
    const path = join(folder, `tessera-${randomUUID()}`);
    const fd = openSync(path, 'wx+', 0o600);
    unlinkSync(path);
    // Its space is taken now: later there may be none.
    writeSync(fd, Buffer.alloc(NOTES_BYTES), 0, NOTES_BYTES, 0);
    return new CrashNotes(fd);
  }

  /** Sources that were in native code when the process died. */
  read(): SourceId[] {
    if (this.closed) return [];
    const bytes = Buffer.alloc(NOTES_BYTES);
    const length = readSync(this.fd, bytes, 0, NOTES_BYTES, 0);
    const ids = new Set<SourceId>();
    for (let at = 0; at + 4 <= length; at += 4) ids.add(bytes.readUInt32LE(at));
    ids.delete(0);
    return [...ids];
  }

  /** Idempotent. */
  close(): void {
    if (this.closed) return;
    this.closed = true;
    closeSync(this.fd);
  }
}
