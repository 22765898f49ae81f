/**
 * Limits the pixels a second that a room decodes, so that one sender of large or fast video does not
 * take the CPU from everybody. A source over its share loses first the frames that no other frame
 * needs, and then all but keyframes. Pure.
 */
import type { PixelRates, SourceId } from '../../link/link-messages.js';
import type { Micros } from '../../util/units.js';

/** What is decoded of a source. `references`: frames that others need. */
export type DecodeShare = 'all' | 'references' | 'keyframes';

const PERIOD: Micros = 1_000_000;
/** Periods in a row within its share before a source gets more again. */
const CALM_PERIODS = 5;
/** Share of a stream's frames that others need, where it has temporal layers. */
const REFERENCES = 0.5;

interface Sender {
  /** Since the period began: pixels that arrived, decoded or not. */
  pixels: number;
  share: DecodeShare;
  calm: number;
}

export class PixelBudget {
  private readonly senders = new Map<SourceId, Sender>();
  private periodFrom: Micros | undefined;

  constructor(private readonly limits: PixelRates) {}

  /** A frame of this size arrived. */
  arrived(source: SourceId, pixels: number): void {
    const sender = this.senders.get(source) ?? { pixels: 0, share: 'all', calm: 0 };
    this.senders.set(source, sender);
    sender.pixels += pixels;
  }

  shareOf(source: SourceId): DecodeShare {
    return this.senders.get(source)?.share ?? 'all';
  }

  /** @returns whether a share changed. To be called on each tick. */
  tick(now: Micros): boolean {
    this.periodFrom ??= now;
    const passed = now - this.periodFrom;
    if (passed < PERIOD) return false;
    this.periodFrom = now;
    const rates = new Map<SourceId, number>();
    for (const [id, { pixels }] of this.senders) rates.set(id, (pixels * PERIOD) / passed);
    const cap = Math.min(this.limits.source, fairShare([...rates.values()], this.limits.room));
    let changed = false;
    for (const [id, sender] of this.senders) {
      const before = sender.share;
      this.judge(sender, rates.get(id) as number, cap);
      sender.pixels = 0;
      changed ||= sender.share !== before;
    }
    return changed;
  }

  /** The source is gone. */
  forget(source: SourceId): void {
    this.senders.delete(source);
  }

  private judge(sender: Sender, rate: number, cap: number): void {
    const needed = shareFor(rate, cap);
    if (ORDER.indexOf(needed) > ORDER.indexOf(sender.share)) {
      sender.share = needed;
      sender.calm = 0;
    } else if (needed === sender.share) sender.calm = 0;
    else if (++sender.calm >= CALM_PERIODS) {
      sender.share = needed;
      sender.calm = 0;
    }
  }
}

const ORDER: readonly DecodeShare[] = ['all', 'references', 'keyframes'];

function shareFor(rate: number, cap: number): DecodeShare {
  if (rate <= cap) return 'all';
  return rate * REFERENCES <= cap ? 'references' : 'keyframes';
}

/** The rate that all may have, if nobody is given more than they send (max-min fairness). */
function fairShare(rates: readonly number[], total: number): number {
  let left = total;
  let count = rates.length;
  for (const rate of [...rates].sort((a, b) => a - b)) {
    if (rate * count > left) return left / count;
    left -= rate;
    count--;
  }
  return Number.POSITIVE_INFINITY;
}
