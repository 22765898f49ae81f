/** Handles messages one after the other. */

/** A client that sends more at once is cut off. */
const MAX_PENDING = 128;

export class MessageQueue {
  private last: Promise<void> = Promise.resolve();
  private pending = 0;

  /** @param onError gets what a task throws; later tasks run all the same. */
  constructor(private readonly onError: (error: unknown) => void) {}

  /** Runs a task after those before it. @returns false if too many wait: it does not run then. */
  push(task: () => Promise<void>): boolean {
    if (this.pending >= MAX_PENDING) return false;
    this.pending++;
    this.last = this.last
      .then(task)
      .catch((error: unknown) => this.onError(error))
      .finally(() => {
        this.pending--;
      });
    return true;
  }
}
