/** A frame of audio with the ones before it, as one RTP payload (RFC 2198). */

export interface SentAudio {
  /** Unwrapped RTP timestamp. */
  readonly timestamp: number;
  readonly payload: Buffer;
}

/** Limits of the block header's 14-bit offset and 10-bit length. */
const MAX_OFFSET = 0x3fff;
const MAX_LENGTH = 0x3ff;

/**
 * @param earlier frames to repeat, oldest first; those that do not fit the format are left out.
 * @param payloadType of the audio inside.
 */
export function packetizeRed(
  primary: SentAudio,
  earlier: readonly SentAudio[],
  payloadType: number,
): Buffer {
  const repeated = earlier.filter(({ timestamp, payload }) => {
    const offset = primary.timestamp - timestamp;
    return offset > 0 && offset <= MAX_OFFSET && payload.length > 0 && payload.length <= MAX_LENGTH;
  });
  const headers = Buffer.alloc(repeated.length * 4 + 1);
  repeated.forEach(({ timestamp, payload }, index) => {
    headers[index * 4] = 0x80 | payloadType;
    const offset = primary.timestamp - timestamp;
    headers.writeUIntBE((offset << 10) | payload.length, index * 4 + 1, 3);
  });
  headers[headers.length - 1] = payloadType;
  return Buffer.concat([headers, ...repeated.map(({ payload }) => payload), primary.payload]);
}

/**
 * How many earlier frames to repeat, by the share of packets that the receiver loses. Never more than
 * the path has room for: redundancy that fills a queue causes the loss that it is meant to repair.
 * @param room how many times the frame would fit into what the path takes beside the video.
 */
export function redundancyFor(fractionLost: number, room: number): 0 | 1 | 2 {
  const wanted = fractionLost < 0.01 ? 0 : fractionLost < 0.1 ? 1 : 2;
  return Math.min(wanted, Math.max(0, Math.floor(room) - 1)) as 0 | 1 | 2;
}
