/** Keeps one value for as long as its key stays the same. */
export class Cached<T> {
  private entry: { readonly key: string; readonly value: T } | undefined;

  get(key: string, make: () => T): T {
    if (this.entry?.key !== key) this.entry = { key, value: make() };
    return this.entry.value;
  }
}
