/**
 * Stage: whether one receiver gets its mix at the full bitrate or at the low one, which comes in
 * packets of 60 ms. It switches where both bitrates begin a packet, so no sample is missed or
 * repeated. Pure.
 */
import type { AudioOutFrame } from '../link/link-messages.js';
import type { OutputStep } from './renditions.js';

/**
 * A path that takes more than the step needs by this multiple of the full bitrate gets the full
 * bitrate: the step was then chosen by the receiver, not by its path.
 */
const FULL_RATE_MARGIN = 2;

export class AudioRateControl {
  private wanted = false;
  private current = false;

  /** @param fullBps bitrate of the full mix. */
  constructor(private readonly fullBps: number) {}

  /** Whether the low bitrate is sent. */
  get isLow(): boolean {
    return this.current;
  }

  /** Whether the mix is needed at the low bitrate: it is sent, or will be. */
  get needsLow(): boolean {
    return this.current || this.wanted;
  }

  /** Judges step and path again. @returns whether another bitrate is wanted than before. */
  update({ lowAudio, needBps }: OutputStep, estimateBps: number): boolean {
    const margin = this.current ? 2 * FULL_RATE_MARGIN : FULL_RATE_MARGIN;
    const wanted = lowAudio && estimateBps < needBps + margin * this.fullBps;
    if (wanted === this.wanted) return false;
    this.wanted = wanted;
    return true;
  }

  /** To be called for each frame first. @returns whether the bitrate was switched with it. */
  switchAt({ lowBegins }: AudioOutFrame): boolean {
    if (!lowBegins || this.current === this.wanted) return false;
    this.current = this.wanted;
    return true;
  }
}
