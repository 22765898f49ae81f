/** What a receiver asks for at most. Its path may allow less. */
import { TesseraError } from '../errors.js';
import type { MixSettings } from '../link/link-messages.js';
import { AUDIO_ONLY, type OutputStep, renditionName } from './renditions.js';

/** A field that is left out sets no limit. */
export interface ReceiveLimits {
  /** Size of the video element, in pixels of the screen. */
  readonly maxWidth?: number | undefined;
  readonly maxHeight?: number | undefined;
  /** Bitrate of audio and video together, packet headers included, in kbit/s. */
  readonly maxBitrate?: number | undefined;
  /** The best rendition to send: `1280x720@30`, `lifeline`, `audio`; or `auto`. */
  readonly rendition?: string | undefined;
}

/** A video may be shown this much larger than it is sent. */
const ENLARGED = 1.15;

/** Values of {@link ReceiveLimits.rendition}, without `auto`. */
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

/** @returns the index of the best step within the limits. */
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
    // The smallest rendition that need not be enlarged.
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
