/**
 * Small records that outlive the process: one JSON file each, replaced as a whole, so that a crash
 * leaves the old or the new. Writes of one name happen in order, the last of those waiting wins.
 */
import { createHash } from 'node:crypto';
import { mkdir, open, readdir, readFile, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';

interface Kept<T> {
  readonly name: string;
  readonly record: T;
}

/** File systems take names of 255 bytes. */
const MAX_FILE_NAME = 200;

function fileOf(name: string): string {
  const encoded = encodeURIComponent(name);
  if (encoded.length <= MAX_FILE_NAME) return `${encoded}.json`;
  return `${createHash('sha256').update(name).digest('base64url')}.json`;
}

/** The owner of the store has heard of the fault already. */
function reported(work: Promise<void>): Promise<void> {
  return work.catch(() => {});
}

export class RecordStore<T> {
  private readonly wanted = new Map<string, T | undefined>();
  private readonly running = new Map<string, Promise<void>>();

  /** @param onError hears of each write that failed: the record is then only in memory. */
  constructor(
    private readonly folder: string,
    private readonly onError: (error: unknown) => void,
  ) {}

  /** All records by name, in the order of their files; what is no record is reported and left out. */
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
        const { name, record } = JSON.parse(text) as Kept<T>;
        found.set(name, record);
      } catch (error) {
        this.onError(error);
      }
    }
    return found;
  }

  /** Resolves when it is on the disk, or could not be put there. */
  put(name: string, record: T): Promise<void> {
    return reported(this.change(name, record));
  }

  /** As {@link put}. @throws Error if the disk does not hold what this record is last. */
  write(name: string, record: T): Promise<void> {
    return this.change(name, record);
  }

  delete(name: string): Promise<void> {
    return reported(this.change(name, undefined));
  }

  /** Resolves when all that was asked for is done. */
  async settled(): Promise<void> {
    await Promise.allSettled(this.running.values());
  }

  /** Resolves when what was asked for these records is done. @throws what the last write of one failed with. */
  async flushed(isMeant: (name: string) => boolean): Promise<void> {
    await Promise.all([...this.running].flatMap(([name, work]) => (isMeant(name) ? work : [])));
  }

  private change(name: string, record: T | undefined): Promise<void> {
    this.wanted.set(name, record);
    const running = this.running.get(name);
    if (running) return running;
    const work = this.work(name).finally(() => this.running.delete(name));
    this.running.set(name, work);
    return work;
  }

  /** Writes until nothing newer waits. @throws what the last write failed with. */
  private async work(name: string): Promise<void> {
    const path = join(this.folder, fileOf(name));
    let fault: { readonly error: unknown } | undefined;
    while (this.wanted.has(name)) {
      const record = this.wanted.get(name);
      this.wanted.delete(name);
      try {
        if (record === undefined) await rm(path, { force: true });
        else await this.replace(path, JSON.stringify({ name, record } satisfies Kept<T>));
        fault = undefined;
      } catch (error) {
        fault = { error };
        this.onError(error);
      }
    }
    if (fault) throw fault.error;
  }

  private async replace(path: string, text: string): Promise<void> {
    await mkdir(this.folder, { recursive: true, mode: 0o700 });
    const unfinished = `${path}.new`;
    try {
      const file = await open(unfinished, 'w', 0o600);
      try {
        await file.writeFile(text);
        await file.sync();
      } finally {
        await file.close();
      }
      await rename(unfinished, path);
    } catch (error) {
      // On a full disk the part that was written takes space from others. What went wrong is told, not this.
      await rm(unfinished, { force: true }).catch(() => {});
      throw error;
    }
  }
}
