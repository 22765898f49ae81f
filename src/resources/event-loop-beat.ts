/** What the event loop and the worker that watches it share. */

/** The worker asks what runs when the event loop stood still for this long. */
export const ASK_AFTER_MS = 1000;
/** The event loop says so often that it is alive. */
export const BEAT_MS = 50;

/** Bytes of UTF-8 text. */
const MAX_TEXT = 4096;
const AT = { beats: 0, textLength: 1 } as const;
/** Places of the worker's clocks among the 64-bit numbers. */
const CLOCK = { worker: 1, gap: 2 } as const;
const TEXT_OFFSET = 24;

/** Milliseconds on a clock that threads have in common. */
export const sharedNow = () => performance.timeOrigin + performance.now();

/** Memory that both threads see: neither waits for the other. */
export class SharedBeat {
  private readonly words: Int32Array;
  private readonly clocks: Float64Array;
  private readonly text: Uint8Array;

  constructor(readonly buffer: SharedArrayBuffer = new SharedArrayBuffer(TEXT_OFFSET + MAX_TEXT)) {
    this.words = new Int32Array(buffer, 0, 2);
    this.clocks = new Float64Array(buffer, 0, 3);
    this.text = new Uint8Array(buffer, TEXT_OFFSET);
  }

  beat(): void {
    Atomics.add(this.words, AT.beats, 1);
  }

  get beats(): number {
    return Atomics.load(this.words, AT.beats);
  }

  /** When the worker ran last. */
  get workerAt(): number {
    return this.clocks[CLOCK.worker] as number;
  }

  set workerAt(at: number) {
    this.clocks[CLOCK.worker] = at;
  }

  /** When the worker ran again after it had stood still itself; 0 if it never did. */
  get workerGapAt(): number {
    return this.clocks[CLOCK.gap] as number;
  }

  set workerGapAt(at: number) {
    this.clocks[CLOCK.gap] = at;
  }

  /** What ran while the event loop stood still; empty if it is not known. */
  set ran(text: string) {
    const bytes = Buffer.from(text).subarray(0, MAX_TEXT);
    this.text.set(bytes);
    Atomics.store(this.words, AT.textLength, bytes.length);
  }

  get ran(): string {
    const length = Atomics.load(this.words, AT.textLength);
    // A decoder takes no shared memory.
    return Buffer.from(this.text.slice(0, length)).toString('utf8');
  }
}
