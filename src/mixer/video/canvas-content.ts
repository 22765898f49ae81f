/** Whether a canvas shows mostly faces or mostly text, which are encoded differently. Pure. */
import type { VideoContent } from '../../codecs/codec.js';
import type { Micros } from '../../util/units.js';
import type { Placement } from '../layout/layout.js';

/** Share of the canvas from which on screens decide. */
const LARGE_SCREEN = 0.3;
/** The content changes after being different for this time: each change costs a keyframe. */
const HOLD: Micros = 1_000_000;

export class CanvasContent {
  current: VideoContent = 'camera';
  /** When the canvas last showed mostly what {@link current} says. */
  private sameAt: Micros = 0;

  constructor(private readonly canvas: { readonly width: number; readonly height: number }) {}

  update(placements: readonly Placement[], now: Micros): void {
    const screens = placements.filter(({ role }) => role === 'screen');
    const area = screens.reduce((sum, { rect }) => sum + rect.width * rect.height, 0);
    const { width, height } = this.canvas;
    const content = area > LARGE_SCREEN * width * height ? 'screen' : 'camera';
    if (content === this.current) this.sameAt = now;
    else if (now - this.sameAt >= HOLD) this.current = content;
  }
}
