/** Converts fractions of the composite to pixels of the page. */
import type { Rect } from '../../src/protocol/tile-geometry.js';

/** Where the video is inside its element, with `object-fit: contain`. */
export function contentBox(video: HTMLVideoElement): Rect {
  const { clientWidth, clientHeight, videoWidth, videoHeight } = video;
  const scale = Math.min(clientWidth / videoWidth, clientHeight / videoHeight) || 0;
  const [width, height] = [videoWidth * scale, videoHeight * scale];
  return { x: (clientWidth - width) / 2, y: (clientHeight - height) / 2, width, height };
}

/** Where a region is in the page. @param region in fractions of the composite. */
export function boxOf(region: Rect, content: Rect): Rect {
  return {
    x: content.x + region.x * content.width,
    y: content.y + region.y * content.height,
    width: region.width * content.width,
    height: region.height * content.height,
  };
}
