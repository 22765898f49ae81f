/**
 * Limits what is received to what the page shows: the size of the element, audio only while the page
 * is hidden, and a low bitrate in data saver mode.
 */
import type { Room } from './room.js';
import type { ReceiveLimits } from './room-options.js';

/** Limit in data saver mode in kbit/s. */
const SAVER_BITRATE = 250;
/** How long a new size must last before it counts. */
const SETTLE_MS = 500;
/** Video goes on for this time in a hidden page: users often come back at once. */
const HIDDEN_MS = 5000;

export class ReceiveLimiter {
  private readonly resized = new ResizeObserver(() => this.later(SETTLE_MS));
  private readonly visibility = () => this.later(this.isVisible ? 0 : HIDDEN_MS);
  private timer: ReturnType<typeof setTimeout> | undefined;
  private saver = false;
  private sent = '';

  /** @param composite shows `room.stream`. */
  constructor(
    private readonly room: Room,
    private readonly composite: HTMLVideoElement,
  ) {
    this.resized.observe(composite);
    document.addEventListener('visibilitychange', this.visibility);
    composite.addEventListener('enterpictureinpicture', this.visibility);
    composite.addEventListener('leavepictureinpicture', this.visibility);
    this.later(SETTLE_MS);
  }

  get dataSaver(): boolean {
    return this.saver;
  }

  set dataSaver(on: boolean) {
    this.saver = on;
    this.later(0);
  }

  stop(): void {
    clearTimeout(this.timer);
    this.resized.disconnect();
    document.removeEventListener('visibilitychange', this.visibility);
    this.composite.removeEventListener('enterpictureinpicture', this.visibility);
    this.composite.removeEventListener('leavepictureinpicture', this.visibility);
  }

  private get isVisible(): boolean {
    const pictureInPicture = document.pictureInPictureElement === this.composite;
    return document.visibilityState === 'visible' || pictureInPicture;
  }

  private later(ms: number): void {
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.send(), ms);
  }

  private send(): void {
    const { clientWidth, clientHeight } = this.composite;
    const pixels = (size: number) => Math.max(1, Math.round(size * devicePixelRatio));
    const limits: ReceiveLimits = {
      ...(this.isVisible ? {} : { rendition: 'audio' }),
      ...(this.saver ? { maxBitrate: SAVER_BITRATE } : {}),
      ...(clientWidth > 0 && clientHeight > 0
        ? this.sizeOf(pixels(clientWidth), pixels(clientHeight))
        : {}),
    };
    const key = JSON.stringify(limits);
    if (key === this.sent) return;
    this.sent = key;
    this.room.setReceive(limits);
  }

  /** The size of the composite inside the element, with `object-fit: contain`. */
  private sizeOf(width: number, height: number): ReceiveLimits {
    const { width: across, height: down } = this.room.layout;
    if (across === 0 || down === 0) return {};
    const scale = Math.min(width / across, height / down);
    return {
      maxWidth: Math.max(1, Math.round(across * scale)),
      maxHeight: Math.max(1, Math.round(down * scale)),
    };
  }
}
