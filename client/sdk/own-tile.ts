/**
 * Shows users their own camera without delay: puts the live camera over their tile of the composite.
 * It moves with the tile, frame by frame. The page is correct without it too.
 */
import type { Rect } from '../../src/protocol/tile-geometry.js';
import { LayoutFollower } from './layout-follower.js';
import { boxOf, contentBox } from './picture-geometry.js';
import type { Room } from './room.js';

/** The part of a box that other tiles do not cover, as a CSS path in the box's own pixels. */
function clipPath(box: Rect, above: readonly Rect[]): string {
  const rectangle = ({ x, y, width, height }: Rect) => `M${x} ${y}h${width}v${height}h${-width}z`;
  const holes = above.map((other) =>
    rectangle({ ...other, x: other.x - box.x, y: other.y - box.y }),
  );
  return `path(evenodd, "${rectangle({ ...box, x: 0, y: 0 })}${holes.join('')}")`;
}

export class OwnTile {
  private readonly follower: LayoutFollower;
  private track: MediaStreamTrack | undefined;
  private readonly resized = new ResizeObserver(() => this.place());
  private stopped = false;

  /**
   * @param composite shows `room.stream` with `object-fit: contain`.
   * @param overlay a video element over `composite`, at its top left corner. It is muted.
   */
  constructor(
    private readonly room: Room,
    private readonly composite: HTMLVideoElement,
    private readonly overlay: HTMLVideoElement,
  ) {
    this.follower = new LayoutFollower(room, composite, () => this.place());
    this.resized.observe(composite);
    this.overlay.muted = true;
    this.place();
  }

  stop(): void {
    if (this.stopped) return;
    this.stopped = true;
    this.follower.stop();
    this.resized.disconnect();
    this.overlay.hidden = true;
    this.overlay.srcObject = null;
  }

  private place(): void {
    if (this.stopped) return;
    const track = this.room.cameraTrack;
    const { regions } = this.follower;
    const at = regions.findIndex(
      ({ region }) => region.participant === this.room.id && region.source === 'camera',
    );
    const own = regions[at];
    const content = contentBox(this.composite);
    const isShown = own && track?.enabled && track.readyState === 'live' && content.width > 0;
    this.overlay.hidden = !isShown;
    if (!isShown) return;
    if (this.track !== track) {
      this.track = track;
      this.overlay.srcObject = new MediaStream([track]);
      // Browsers play muted video. If one refuses, the composite is still visible.
      this.overlay.play().catch(() => {});
    }
    const box = boxOf(own.box, content);
    const above = regions.slice(at + 1).map((other) => boxOf(other.box, content));
    const { style } = this.overlay;
    style.transform = `translate(${box.x}px, ${box.y}px)`;
    style.width = `${box.width}px`;
    style.height = `${box.height}px`;
    style.objectFit = own.region.fit === 'crop' ? 'cover' : 'contain';
    style.clipPath = above.length > 0 ? clipPath(box, above) : '';
  }
}
