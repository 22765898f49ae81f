/**
 * Puts fragmented handshake messages together (RFC 6347, 4.2.3), in whatever order, with losses,
 * repetitions and overlaps. Anybody can forge a plaintext fragment, so parts that contradict each other
 * are kept side by side: a message may come out in several versions, and the caller finds the true one.
 * One forged part never hides the true message; a repetition of all parts brings it out even among many.
 * Pure.
 */
import type { HandshakeFragment, HandshakeMessage } from './dtls-records.js';

/** Of all messages together. The oldest are forgotten. */
const MAX_FRAGMENTS = 24;
const MAX_BYTES = 16 * 1024;

/** A version of a message that grows part by part. */
class Assembly {
  readonly body: Buffer;
  private readonly known: Uint8Array;
  private missing: number;

  constructor(length: number) {
    this.body = Buffer.alloc(length);
    this.known = new Uint8Array(length);
    this.missing = length;
  }

  get isWhole(): boolean {
    return this.missing === 0;
  }

  /** Adds a part, unless it contradicts what is there. */
  add({ offset, bytes }: HandshakeFragment): void {
    const { body, known } = this;
    for (let i = 0; i < bytes.length; i++) {
      if (known[offset + i] && body[offset + i] !== bytes[i]) return;
    }
    for (let i = 0; i < bytes.length; i++) {
      if (!known[offset + i]) this.missing--;
      known[offset + i] = 1;
    }
    bytes.copy(body, offset);
  }
}

function isSameMessage(a: HandshakeFragment, b: HandshakeFragment): boolean {
  return a.type === b.type && a.message === b.message && a.length === b.length;
}

export class HandshakeReassembler {
  /** Oldest first. */
  private readonly fragments: HandshakeFragment[] = [];
  private bytes = 0;

  /**
   * Takes one part of a message. Its memory may be reused by the caller.
   * @returns the versions of the message that are whole with it; the same again when a part is repeated.
   */
  add(fragment: HandshakeFragment): HandshakeMessage[] {
    const { type, message, length, bytes } = fragment;
    if (bytes.length === length) return [{ type, message, body: Buffer.from(bytes) }];
    this.remember(fragment);
    const others = this.fragments.filter((other) => isSameMessage(other, fragment));
    const versions: HandshakeMessage[] = [];
    // With one forged part among them, one of the two orders meets a true part before it.
    for (const order of [others.toReversed(), others]) {
      const assembly = new Assembly(length);
      assembly.add(fragment);
      for (const other of order) assembly.add(other);
      const { body, isWhole } = assembly;
      if (isWhole && !versions.some((version) => version.body.equals(body))) {
        versions.push({ type, message, body });
      }
    }
    return versions;
  }

  /** Bytes of the fragments that are kept. */
  get size(): number {
    return this.bytes;
  }

  private remember(fragment: HandshakeFragment): void {
    const { fragments } = this;
    const known = fragments.findIndex(
      (other) =>
        isSameMessage(other, fragment) &&
        other.offset === fragment.offset &&
        other.bytes.equals(fragment.bytes),
    );
    // A repeated part is the newest again.
    const [again] = known >= 0 ? fragments.splice(known, 1) : [];
    fragments.push(again ?? { ...fragment, bytes: Buffer.from(fragment.bytes) });
    if (!again) this.bytes += fragment.bytes.length;
    while (fragments.length > MAX_FRAGMENTS || this.bytes > MAX_BYTES) {
      this.bytes -= (fragments.shift() as HandshakeFragment).bytes.length;
    }
  }
}
