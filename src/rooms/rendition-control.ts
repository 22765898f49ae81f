/**
 * Stage: which rendition of the composite one receiver gets, and which of its frames. A switch waits
 * for a keyframe of the new rendition, since a decoder cannot begin elsewhere. Downward the old
 * rendition stops at once: the path is full. Upward it goes on until the keyframe comes. Pure but for
 * its events.
 */
import type { MixSettings, VideoOutFrame, WatchedVideo } from '../link/link-messages.js';
import type { CompositeCodec } from '../protocol/codec-names.js';
import { RenditionSelector, type SelectorInput } from '../send/rendition-selector.js';
import type { Micros } from '../util/units.js';
import { bestStep, type ReceiveLimits } from './receive-limits.js';
import { type OutputStep, outputSteps } from './renditions.js';

/** A receiver that switches more often than this gets no urgent keyframes. */
const URGENT_INTERVAL: Micros = 2_000_000;

export interface RenditionControlEvents {
  /** {@link RenditionControl.videos} changed. */
  onDemandChanged(): void;
  /** @param urgent the receiver has no picture. */
  requestKeyframe(video: WatchedVideo, urgent: boolean): void;
  /** Another rendition is sent than before; undefined is audio alone. */
  onRendition(rendition: number | undefined): void;
  /** What waits to be sent of the old rendition is no longer needed. */
  onDropWaiting(): void;
}

export class RenditionControl {
  readonly counters = { rendition_switches: 0 };
  private readonly steps: readonly OutputStep[];
  private readonly selector: RenditionSelector;
  private current: number | undefined;
  /** What `onRendition` said last; null before the first time. */
  private reported: number | undefined | null = null;
  private urgentAt = Number.NEGATIVE_INFINITY;

  /** @param codec undefined if the receiver takes no video. */
  constructor(
    private readonly settings: MixSettings,
    private readonly codec: CompositeCodec | undefined,
    private readonly events: RenditionControlEvents,
  ) {
    this.steps = outputSteps(settings, codec);
    this.selector = new RenditionSelector(this.steps.map(({ needBps }) => needBps));
  }

  /** The step of the ladder that the receiver is to get. */
  get step(): OutputStep {
    return this.steps[this.selector.wanted] as OutputStep;
  }

  /** Index of the rendition that is sent; undefined until its first keyframe. */
  get sending(): number | undefined {
    return this.current;
  }

  /** Whether the rendition is a slide show: its frames may wait longer. */
  get isStills(): boolean {
    const { rendition } = this.step;
    return rendition !== undefined && this.settings.renditions[rendition]?.stills === true;
  }

  /** The encodes that the receiver needs: the one that is sent, and the one that comes next. */
  get videos(): WatchedVideo[] {
    const { codec } = this;
    const wanted = this.step.rendition;
    if (!codec || wanted === undefined) {
      return codec && this.current !== undefined ? [{ codec, rendition: this.current }] : [];
    }
    const next = { codec, rendition: wanted };
    if (this.current === undefined || this.current === wanted) return [next];
    return [{ codec, rendition: this.current }, next];
  }

  /**
   * The receiver needs no better step than its limits allow.
   * @param sparesBest the best rendition is not encoded at present.
   */
  limit(limits: ReceiveLimits, sparesBest: boolean, estimateBps: number, now: Micros): void {
    const wanted = bestStep(limits, this.settings, this.steps);
    const least = sparesBest ? this.steps.findIndex(({ rendition }) => rendition === 1) : 0;
    const best = Math.max(wanted, least);
    if (this.selector.limit(best, estimateBps, now)) this.switch(now);
  }

  /** Chooses the step again. Called every few tens of milliseconds. */
  select(input: SelectorInput, now: Micros): void {
    if (this.selector.update(input, now)) this.switch(now);
  }

  /** Bitrate to probe the path with now; undefined while there is nothing to find out. */
  probeDue(estimateBps: number, now: Micros): number | undefined {
    return this.selector.probeDue(estimateBps, now);
  }

  /** Whether this frame is to be sent. The keyframe of the wanted rendition completes a switch. */
  accepts(frame: VideoOutFrame): boolean {
    const { rendition: wanted, temporalLayer } = this.step;
    if (frame.rendition === wanted && frame.keyframe && this.current !== wanted) {
      this.current = wanted;
      this.report(wanted);
      this.events.onDemandChanged();
    }
    if (frame.rendition !== this.current) return false;
    return frame.rendition !== wanted || frame.temporalLayer <= temporalLayer;
  }

  /** Frames were dropped: nothing more is sent until a keyframe, which is asked for. */
  restart(): void {
    const { rendition } = this.step;
    this.current = undefined;
    if (rendition !== undefined) this.request(rendition, false);
  }

  /** The receiver asks for a keyframe. */
  requestKeyframe(): void {
    if (this.current !== undefined) this.request(this.current, false);
  }

  private request(rendition: number, urgent: boolean): void {
    if (this.codec) this.events.requestKeyframe({ codec: this.codec, rendition }, urgent);
  }

  private report(rendition: number | undefined): void {
    if (this.reported === rendition) return;
    this.reported = rendition;
    this.events.onRendition(rendition);
  }

  private switch(now: Micros): void {
    const { rendition: wanted } = this.step;
    if (this.current !== wanted) this.counters.rendition_switches++;
    const audioAlone = this.settings.renditions.length;
    const isDown = this.current !== undefined && (wanted ?? audioAlone) > this.current;
    if (isDown) {
      this.events.onDropWaiting();
      this.current = undefined;
    }
    this.events.onDemandChanged();
    if (wanted === undefined) this.report(undefined);
    if (this.current === wanted || wanted === undefined || !this.codec) return;
    const urgent = this.current === undefined && now - this.urgentAt > URGENT_INTERVAL;
    if (urgent) this.urgentAt = now;
    this.request(wanted, urgent);
  }
}
