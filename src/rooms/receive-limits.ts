/** What a receiver has use for: no more than that is sent to it, and its path may make it less. */
import { TesseraError } from '../errors.js';
import type { MixSettings } from '../link/link-messages.js';
import { AUDIO_ONLY, type OutputStep, renditionName } from './renditions.js';

/** What is left out is without limit. */
export interface ReceiveLimits {
  /** Pixels that the picture is shown in. */
  readonly maxWidth?: number | undefined;
  readonly maxHeight?: number | undefined;
  /** Of all that is sent, packet headers included, in kbit/s. */
  readonly maxBitrate?: number | undefined;
  /** No better one than this: `1280x720@30`, `lifeline`, `audio`; or `auto`. */
  readonly rendition?: string | undefined;
}

/** A picture may be shown so much larger than it is sent. */
const ENLARGED = 1.15;

/** Names that {@link ReceiveLimits.rendition} may have, but `auto`. */
export function renditionNames({ renditions }: MixSettings): string[] {
  return [...renditions.map(renditionName), AUDIO_ONLY];
}

/** @throws TesseraError `unknown_rendition`. */
export function checkLimits({ rendition = 'auto' }: ReceiveLimits, settings: MixSettings): void {
  const names = ['auto', ...renditionNames(settings)];
  if (names.includes(rendition)) return;
  throw new TesseraError('unknown_rendition', 'there is no such rendition', {
    next: `Choose one of ${names.join(', ')}.`,
  });
}

/** Index of the best step that a receiver has use for. */
export function bestStep(
  { maxWidth = 0, maxHeight = 0, maxBitrate, rendition = 'auto' }: ReceiveLimits,
  { renditions }: MixSettings,
  steps: readonly OutputStep[],
): number {
  const last = steps.length - 1;
  const firstOf = (index: number) => {
    const found = steps.findIndex((step) => step.rendition === index);
    return found < 0 ? last : found;
  };
  let best = 0;
  if (rendition !== 'auto') {
    best = firstOf(renditions.findIndex((one) => renditionName(one) === rendition));
  }
  if (maxWidth > 0 || maxHeight > 0) {
    // The smallest that need not be enlarged.
    const large = renditions.filter(
      ({ width, height, stills }) =>
        !stills && width * ENLARGED >= maxWidth && height * ENLARGED >= maxHeight,
    );
    best = Math.max(best, firstOf(Math.max(0, large.length - 1)));
  }
  if (maxBitrate !== undefined) {
    const affordable = steps.findIndex(({ needBps }) => needBps <= maxBitrate * 1000);
    best = Math.max(best, affordable < 0 ? last : affordable);
  }
  return best;
}
