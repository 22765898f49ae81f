/**
 * Asks for no more than the page shows: the size of the element, nothing of the picture while nobody
 * can see it, and little while data is to be saved.
 */
import type { ReceiveLimits, Room } from './room.js';

/** All that comes, in kbit/s. */
const SAVER_BITRATE = 250;
/** Windows are dragged from one size to the other: only where they stay counts. */
const SETTLE_MS = 500;
/** Who looks into another tab for a moment should find the picture moving. */
const HIDDEN_MS = 5000;

export class ReceiveLimiter {
  private readonly resized = new ResizeObserver(() => this.soon(SETTLE_MS));
  private readonly visibility = () => this.soon(this.isSeen ? 0 : HIDDEN_MS);
  private timer: ReturnType<typeof setTimeout> | undefined;
  private saver = false;
  private asked = '';

  /** @param composite shows `room.stream`. */
  constructor(
    private readonly room: Room,
    private readonly composite: HTMLVideoElement,
  ) {
    this.resized.observe(composite);
    document.addEventListener('visibilitychange', this.visibility);
    composite.addEventListener('enterpictureinpicture', this.visibility);
    composite.addEventListener('leavepictureinpicture', this.visibility);
    this.soon(SETTLE_MS);
  }

  get dataSaver(): boolean {
    return this.saver;
  }

  set dataSaver(on: boolean) {
    this.saver = on;
    this.soon(0);
  }

  stop(): void {
    clearTimeout(this.timer);
    this.resized.disconnect();
    document.removeEventListener('visibilitychange', this.visibility);
    this.composite.removeEventListener('enterpictureinpicture', this.visibility);
    this.composite.removeEventListener('leavepictureinpicture', this.visibility);
  }

  private get isSeen(): boolean {
    const pictureInPicture = document.pictureInPictureElement === this.composite;
    return document.visibilityState === 'visible' || pictureInPicture;
  }

  private soon(ms: number): void {
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.ask(), ms);
  }

  private ask(): void {
    const { clientWidth, clientHeight } = this.composite;
    const pixels = (size: number) => Math.max(1, Math.round(size * devicePixelRatio));
    const limits: ReceiveLimits = {
      ...(this.isSeen ? {} : { rendition: 'audio' }),
      ...(this.saver ? { maxBitrate: SAVER_BITRATE } : {}),
      ...(clientWidth > 0 && clientHeight > 0
        ? this.sizeOf(pixels(clientWidth), pixels(clientHeight))
        : {}),
    };
    const key = JSON.stringify(limits);
    if (key === this.asked) return;
    this.asked = key;
    this.room.setReceive(limits);
  }

  /** The picture lies in the element as a whole: it is as large as the shorter of the two lets it. */
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
