/**
 * Notes which sources are in native code, for the case that the process dies in it: two system
 * calls, each a write of 32 bytes into memory, for each decoded frame.
 */
import { writeSync } from 'node:fs';
import { NOTED_CALLS, NOTES_BYTES, NOTES_FD } from '../link/crash-notes.js';
import type { SourceId } from '../link/link-messages.js';

export class NativeCalls {
  private readonly notes = Buffer.alloc(NOTES_BYTES);

  /**
   * @param alone every call is to be made alone, so that a crash has one suspect.
   * @param write takes the notes to where they outlive the process.
   */
  constructor(
    readonly alone: boolean,
    private readonly write: (notes: Buffer) => void = writeNotes,
  ) {}

  /** A call for this source begins. @returns its place in the notes, for {@link ended}. */
  begins(source: SourceId): number {
    let place = 0;
    while (place < NOTED_CALLS - 1 && this.notes.readUInt32LE(4 * place) !== 0) place++;
    this.notes.writeUInt32LE(source, 4 * place);
    this.write(this.notes);
    return place;
  }

  ended(place: number): void {
    this.notes.writeUInt32LE(0, 4 * place);
    this.write(this.notes);
  }
}

function writeNotes(notes: Buffer): void {
  writeSync(NOTES_FD, notes, 0, NOTES_BYTES, 0);
}
