/**
 * The simulcast layers of a camera: the server decodes the smallest that fills one's tile. Small
 * pictures have fewer layers; browsers leave the last ones out by themselves, so that the first ones
 * must be those that count.
 */
import { coversTile } from '../../src/protocol/tile-geometry.js';

const RIDS = ['q', 'h', 'f'] as const;
const DEFAULT_LONG_SIDE = 1280;
/** Long side of a picture from which it has two layers, and three. */
const TWO_LAYERS = 480;
const THREE_LAYERS = 960;
const SMALL_BITRATE = 250_000;
const MEDIUM_BITRATE = 700_000;

/** @param maxBitrate of a layer, in bit/s. */
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

interface Size {
  readonly width: number;
  readonly height: number;
}

/** A layer goes on so long after it is of use, so that a smaller one has taken its place. */
const SWITCH_OFF_MS = 4000;

/** Whether a layer, or a smaller one, covers what the camera is shown in. */
function covers(track: MediaStreamTrack, scale: number, shown: Size): boolean {
  const { width = 0, height = 0 } = track.getSettings();
  // As large as the longer side of either asks for: cameras may be turned.
  const lying = (size: Size) => ({
    width: Math.max(size.width, size.height),
    height: Math.min(size.width, size.height),
  });
  return coversTile(lying({ width: width / scale, height: height / scale }), lying(shown));
}

/**
 * The layers of one's camera that are sent: none larger than the server has a use for, which spares
 * phones an encode or two, and most of what they send.
 */
export class CameraLayers {
  private sender: RTCRtpSender | undefined;
  /** Pixels that the camera is shown in; undefined until it is known. */
  private shown: Size | undefined;
  private timer: ReturnType<typeof setTimeout> | undefined;
  private changing: Promise<void> = Promise.resolve();

  constructor(
    private readonly maxBitrate: () => number,
    private readonly onError: (error: unknown) => void,
  ) {}

  /** From now on of this sender, or of none; what was known of another's size is forgotten. */
  use(sender: RTCRtpSender | undefined): void {
    this.sender = sender;
    this.shown = undefined;
    clearTimeout(this.timer);
  }

  /** The server says how large the camera is shown. */
  shownAt({ width, height }: Size): void {
    const before = this.shown;
    this.shown = { width, height };
    clearTimeout(this.timer);
    const isLarger = !before || width > before.width || height > before.height;
    // Larger at once; smaller once the server has gone over to a smaller layer.
    if (!isLarger || !before) {
      this.timer = setTimeout(() => this.follow().catch(this.onError), SWITCH_OFF_MS);
    } else this.follow().catch(this.onError);
  }

  /** Sets the sender's layers for its track and for what is known; one change after the other. */
  follow(): Promise<void> {
    this.changing = this.changing.catch(() => {}).then(() => this.apply());
    return this.changing;
  }

  private async apply(): Promise<void> {
    const { sender, shown } = this;
    const track = sender?.track;
    if (!sender || !track) return;
    const layers = simulcastLayers(track, this.maxBitrate());
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
