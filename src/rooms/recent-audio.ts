/**
 * The last packets of each source's audio, for a media process that replaces a dead one: its jitter
 * buffers are full at once, and voices go on without waiting for new packets.
 */
import type { AudioInFrame, SourceId } from '../link/link-messages.js';
import type { Micros } from '../util/units.js';

const KEPT_PACKETS = 10;
/** Older packets are not worth playing. */
const MAX_AGE: Micros = 300_000;

export class RecentAudio {
  private readonly frames = new Map<SourceId, AudioInFrame[]>();

  add(frame: AudioInFrame): void {
    const kept = this.frames.get(frame.source) ?? [];
    this.frames.set(frame.source, kept);
    kept.push(frame);
    if (kept.length > KEPT_PACKETS) kept.shift();
  }

  /** Of all sources, each in order of arrival. */
  since(now: Micros): AudioInFrame[] {
    const all = [...this.frames.values()].flat();
    return all.filter(({ arrivalMicros }) => now - arrivalMicros <= MAX_AGE);
  }

  /** Forgets sources that are gone. */
  keepOnly(present: ReadonlySet<SourceId>): void {
    for (const source of this.frames.keys()) if (!present.has(source)) this.frames.delete(source);
  }
}
