import type { Duplex } from 'node:stream';
import { decodeRecord, encodeControl, encodeFrameHead, type LinkMessage } from './frame-codec.js';
import type { MediaFrame } from './link-messages.js';

/** Frames are dropped while more than this waits on the link: about a second of a busy room. */
const MAX_QUEUED_BYTES = 8 * 1024 * 1024;
/** A longer record is a fault of the other end. */
const MAX_RECORD_BYTES = 16 * 1024 * 1024;

export interface MediaLinkEvents {
  onMessage(message: LinkMessage): void;
  onFrame(frame: MediaFrame): void;
  /** The other end is gone, or sent a record that cannot be decoded. Called once. */
  onClose(error: Error | undefined): void;
}

/**
 * One end of the link between the server and a media process, over any byte stream.
 * Control messages are never dropped; frames are, and counted, when the other end does not keep up.
 */
export class MediaLink {
  /** Frames that were not sent because the other end does not keep up. */
  droppedFrames = 0;
  private chunks: Buffer[] = [];
  private buffered = 0;
  /** Frames of one turn of the event loop are sent together, because each write wakes the other end. */
  private gathering = false;
  private closed = false;

  constructor(
    private readonly stream: Duplex,
    private readonly events: MediaLinkEvents,
  ) {
    stream.on('data', (chunk: Buffer) => this.receive(chunk));
    stream.on('error', (error) => this.end(error));
    stream.on('close', () => this.end(undefined));
  }

  /** Bytes that the other end has not taken yet. */
  get queuedBytes(): number {
    return this.stream.writableLength;
  }

  send(message: LinkMessage): void {
    if (this.closed) return;
    this.stream.write(encodeControl(message));
    this.flush();
  }

  /** @returns false if the frame was dropped. `frame.data` must not change afterwards. */
  sendFrame(frame: MediaFrame): boolean {
    if (this.closed || this.stream.writableLength > MAX_QUEUED_BYTES) {
      this.droppedFrames++;
      return false;
    }
    if (!this.gathering) {
      this.gathering = true;
      this.stream.cork();
      setImmediate(() => this.flush());
    }
    this.stream.write(encodeFrameHead(frame));
    this.stream.write(frame.data);
    return true;
  }

  private flush(): void {
    if (!this.gathering) return;
    this.gathering = false;
    this.stream.uncork();
  }

  close(): void {
    this.end(undefined);
  }

  private receive(chunk: Buffer): void {
    this.chunks.push(chunk);
    this.buffered += chunk.length;
    try {
      for (;;) {
        if (this.buffered < 4) return;
        const length = this.gather(4).readUInt32LE(0);
        if (length > MAX_RECORD_BYTES) throw new Error(`a record of ${length} bytes on the link`);
        if (this.buffered < 4 + length) return;
        const record = this.take(4 + length).subarray(4);
        const message = decodeRecord(record);
        if ('kind' in message) this.events.onFrame(message);
        else this.events.onMessage(message);
        if (this.closed) return;
      }
    } catch (error) {
      this.end(error as Error);
    }
  }

  /** Makes the first `length` buffered bytes contiguous without consuming them. */
  private gather(length: number): Buffer {
    const first = this.chunks[0] as Buffer;
    if (first.length >= length) return first;
    const all = Buffer.concat(this.chunks);
    this.chunks = [all];
    return all;
  }

  private take(length: number): Buffer {
    const from = this.gather(length);
    this.buffered -= length;
    if (from.length === length) this.chunks.shift();
    else this.chunks[0] = from.subarray(length);
    return from.subarray(0, length);
  }

  private end(error: Error | undefined): void {
    if (this.closed) return;
    this.closed = true;
    this.chunks = [];
    this.stream.destroy();
    this.events.onClose(error);
  }
}
