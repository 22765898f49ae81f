/**
 * The simulcast layers of the camera. The server decodes the smallest layer that fills the tile. Small
 * cameras have fewer layers. Browsers drop the last layers by themselves, so the first ones are used.
 */
import { coversTile } from '../../src/protocol/tile-geometry.js';

const RIDS = ['q', 'h', 'f'] as const;
const DEFAULT_LONG_SIDE = 1280;
/** From this length of the longer side, in pixels, the camera has two layers; from the next, three. */
const TWO_LAYERS = 480;
const THREE_LAYERS = 960;
const SMALL_BITRATE = 250_000;
const MEDIUM_BITRATE = 700_000;

/** The encodings of a camera. @param maxBitrate limit of each layer in bit/s. */
export function simulcastLayers(
  track: MediaStreamTrack | undefined,
  maxBitrate: number,
): RTCRtpEncodingParameters[] {
  const { width = 0, height = 0 } = track?.getSettings() ?? {};
  const long = Math.max(width, height) || DEFAULT_LONG_SIDE;
  const count = long >= THREE_LAYERS ? 3 : long >= TWO_LAYERS ? 2 : 1;
  return RIDS.map((rid, index) => {
    const scaleResolutionDownBy = 2 ** Math.max(0, count - 1 - index);
    const side = long / scaleResolutionDownBy;
    const limit =
      side >= THREE_LAYERS ? maxBitrate : side >= TWO_LAYERS ? MEDIUM_BITRATE : SMALL_BITRATE;
    return {
      rid,
      active: index < count,
      scaleResolutionDownBy,
      maxBitrate: Math.min(maxBitrate, limit),
    };
  });
}

/** In pixels. */
export interface Size {
  readonly width: number;
  readonly height: number;
}

/** A layer that is no longer needed stops after this time: the server has switched to a smaller one by then. */
const SWITCH_OFF_MS = 4000;

/** Whether a layer with this `scaleResolutionDownBy` is large enough for the tile. */
function covers(track: MediaStreamTrack, scale: number, shown: Size): boolean {
  const { width = 0, height = 0 } = track.getSettings();
  // Compare long with long side: phones turn their cameras.
  const landscape = (size: Size) => ({
    width: Math.max(size.width, size.height),
    height: Math.min(size.width, size.height),
  });
  return coversTile(landscape({ width: width / scale, height: height / scale }), landscape(shown));
}

/**
 * Switches simulcast layers of the camera off that are larger than the server needs. This saves phones
 * one or two encodes and most of their bandwidth.
 */
export class CameraLayers {
  private sender: RTCRtpSender | undefined;
  /** The size at which the camera is shown. Undefined until it is known. */
  private shown: Size | undefined;
  private timer: ReturnType<typeof setTimeout> | undefined;
  private changing: Promise<void> = Promise.resolve();

  constructor(
    private readonly maxBitrate: number,
    private readonly onError: (error: unknown) => void,
  ) {}

  /** Takes another sender, or none, and forgets the size. */
  use(sender: RTCRtpSender | undefined): void {
    this.sender = sender;
    this.shown = undefined;
    clearTimeout(this.timer);
  }

  /** The server says at which size the camera is shown. */
  shownAt({ width, height }: Size): void {
    const before = this.shown;
    this.shown = { width, height };
    clearTimeout(this.timer);
    const isLarger = !before || width > before.width || height > before.height;
    // Switch larger layers on at once. Switch them off when the server has changed to a smaller one.
    if (!isLarger || !before) {
      this.timer = setTimeout(() => this.update().catch(this.onError), SWITCH_OFF_MS);
    } else this.update().catch(this.onError);
  }

  /** Sets the layers for the sender's track and the known size. Changes run one after the other. */
  update(): Promise<void> {
    this.changing = this.changing.catch(() => {}).then(() => this.apply());
    return this.changing;
  }

  private async apply(): Promise<void> {
    const { sender, shown } = this;
    const track = sender?.track;
    if (!sender || !track) return;
    const layers = simulcastLayers(track, this.maxBitrate);
    const parameters = sender.getParameters();
    const encodings = parameters.encodings.map((encoding) => {
      const index = layers.findIndex(({ rid }) => rid === encoding.rid);
      const layer = layers[index];
      const smaller = layers[index - 1];
      const scale = smaller?.scaleResolutionDownBy;
      const isIdle = shown && scale !== undefined && covers(track, scale, shown);
      return { ...encoding, ...layer, active: (layer?.active ?? true) && !isIdle };
    });
    if (encodings.length > 0) await sender.setParameters({ ...parameters, encodings });
  }
}
