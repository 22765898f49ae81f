/**
 * The simulcast layers of a camera: the server decodes the smallest that fills one's tile. Small
 * pictures have fewer layers; browsers leave the last ones out by themselves, so that the first ones
 * must be those that count.
 */
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

/** A sender's parameters with the layers that fit another track. */
export function withLayersOf(
  parameters: RTCRtpSendParameters,
  track: MediaStreamTrack,
  maxBitrate: number,
): RTCRtpSendParameters {
  const layers = simulcastLayers(track, maxBitrate);
  const encodings = parameters.encodings.map((encoding) => ({
    ...encoding,
    ...layers.find(({ rid }) => rid === encoding.rid),
  }));
  return { ...parameters, encodings };
}
