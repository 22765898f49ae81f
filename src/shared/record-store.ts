/**
 * Small records that outlive the process: one JSON file each, replaced as a whole, so that a crash
 * leaves the old or the new. Writes of one name happen in order, the last of those waiting wins.
 */
import { mkdir, open, readdir, readFile, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';

export class RecordStore<T> {
  private readonly wanted = new Map<string, T | undefined>();
  private readonly running = new Map<string, Promise<void>>();

  /** @param onError hears of writes that failed: the record is then only in memory. */
  constructor(
    private readonly folder: string,
    private readonly onError: (error: unknown) => void,
  ) {}

  /** All records by name, in the order of their names; what is no record is reported and left out. */
  async load(): Promise<Map<string, T>> {
    const found = new Map<string, T>();
    let files: string[];
    try {
      files = await readdir(this.folder);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return found;
      throw error;
    }
    for (const file of files.filter((name) => name.endsWith('.json')).sort()) {
      try {
        const text = await readFile(join(this.folder, file), 'utf8');
        found.set(decodeURIComponent(file.slice(0, -'.json'.length)), JSON.parse(text) as T);
      } catch (error) {
        this.onError(error);
      }
    }
    return found;
  }

  /** Resolves when it is on the disk, or could not be put there. */
  put(name: string, record: T): Promise<void> {
    return this.change(name, record);
  }

  delete(name: string): Promise<void> {
    return this.change(name, undefined);
  }

  /** Resolves when all that was asked for is done. */
  async settled(): Promise<void> {
    await Promise.all(this.running.values());
  }

  private change(name: string, record: T | undefined): Promise<void> {
    this.wanted.set(name, record);
    const running = this.running.get(name);
    if (running) return running;
    const work = this.work(name)
      .catch((error: unknown) => this.onError(error))
      .finally(() => this.running.delete(name));
    this.running.set(name, work);
    return work;
  }

  private async work(name: string): Promise<void> {
    const path = join(this.folder, `${encodeURIComponent(name)}.json`);
    while (this.wanted.has(name)) {
      const record = this.wanted.get(name);
      this.wanted.delete(name);
      if (record === undefined) {
        await rm(path, { force: true });
        continue;
      }
      await mkdir(this.folder, { recursive: true, mode: 0o700 });
      const file = await open(`${path}.new`, 'w', 0o600);
      try {
        await file.writeFile(JSON.stringify(record));
        await file.sync();
      } finally {
        await file.close();
      }
      await rename(`${path}.new`, path);
    }
  }
}
