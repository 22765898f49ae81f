/** A slice of work longer than this, in milliseconds, makes way for media. */
const SLICE_MS = 1;

/** Cuts long work on the event loop into slices: call {@link next} between its steps. */
export class WorkSlices {
  private began = performance.now();

  /** Resolves at once, or in the next turn of the event loop if the slice was long enough. */
  async next(): Promise<void> {
    if (performance.now() - this.began < SLICE_MS) return;
    await new Promise<void>((resolve) => setImmediate(resolve));
    this.began = performance.now();
  }
}
