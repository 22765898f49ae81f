/** What must be closed, in reverse order of opening. */
export class CloseStack {
  private readonly steps: (() => unknown)[] = [];
  private closing: Promise<void> | undefined;

  /** Call it right after something was opened. */
  add(close: () => unknown): void {
    this.steps.push(close);
  }

  /** Closes everything, the latest first. A failing step does not stop the others; it rejects at the end. */
  close(): Promise<void> {
    this.closing ??= this.run();
    return this.closing;
  }

  private async run(): Promise<void> {
    const failures: unknown[] = [];
    for (let step = this.steps.pop(); step; step = this.steps.pop()) {
      try {
        await step();
      } catch (error) {
        failures.push(error);
      }
    }
    if (failures.length > 0) throw failures[0];
  }
}
