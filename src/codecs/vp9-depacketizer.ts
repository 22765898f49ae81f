/**
 * VP9 out of RTP (RFC 9628). The layers of one picture become a superframe, of which decoders show the
 * highest. Never throws on any input.
 */
import type { FrameSize } from '../util/frame-size.js';
import type { Depacketizer } from './depacketizer.js';
import { vp9KeyframeSize } from './vp9-header.js';

/** Bits of the payload descriptor's first byte (4.2). */
const [HAS_ID, IS_PREDICTED, HAS_LAYERS, IS_FLEXIBLE] = [0x80, 0x40, 0x20, 0x10] as const;
const [BEGINS, ENDS, HAS_STRUCTURE] = [0x08, 0x04, 0x02] as const;
const MAX_REFERENCES = 3;
const MAX_LAYERS = 8;

/** What the descriptor says; one object for each call. */
interface Descriptor {
  readonly flags: number;
  readonly spatialLayer: number;
  /** Of the largest layer in the scalability structure; undefined if it has no sizes. */
  readonly size: FrameSize | undefined;
  /** Bytes of the descriptor. */
  readonly length: number;
}

/** Reads the scalability structure. @returns the bytes to its end, or -1. */
function readStructure(payload: Buffer, from: number): { end: number; size?: FrameSize } {
  let at = from;
  const head = payload[at++] ?? 0;
  let size: FrameSize | undefined;
  if (head & 0x10) {
    for (let layer = 0; layer <= head >> 5; layer++, at += 4) {
      if (at + 4 > payload.length) return { end: -1 };
      size = { width: payload.readUInt16BE(at), height: payload.readUInt16BE(at + 2) };
    }
  }
  if (head & 0x08) {
    const groups = payload[at++] ?? 0;
    for (let group = 0; group < groups; group++) at += 1 + (((payload[at] ?? 0) >> 2) & 3);
  }
  return size ? { end: at, size } : { end: at };
}

/** @returns undefined if it is cut short. */
function readDescriptor(payload: Buffer): Descriptor | undefined {
  const flags = payload[0];
  if (flags === undefined) return undefined;
  let at = 1;
  if (flags & HAS_ID) at += (payload[at] ?? 0) & 0x80 ? 2 : 1;
  let spatialLayer = 0;
  if (flags & HAS_LAYERS) {
    spatialLayer = ((payload[at++] ?? 0) >> 1) & 7;
    if (!(flags & IS_FLEXIBLE)) at++;
  }
  if ((flags & (IS_FLEXIBLE | IS_PREDICTED)) === (IS_FLEXIBLE | IS_PREDICTED)) {
    let references = 0;
    for (let more = 1; more; references++) {
      if (references === MAX_REFERENCES) return undefined;
      more = (payload[at++] ?? 0) & 1;
    }
  }
  let size: FrameSize | undefined;
  if (flags & HAS_STRUCTURE) {
    const structure = readStructure(payload, at);
    if (structure.end < 0) return undefined;
    at = structure.end;
    size = structure.size;
  }
  return at < payload.length ? { flags, spatialLayer, size, length: at } : undefined;
}

/** The frames of a picture's layers as one superframe (VP9 bitstream specification, annex B). */
function superframe(layers: readonly Buffer[]): Buffer {
  const marker = 0xc0 | (3 << 3) | (layers.length - 1);
  const index = Buffer.alloc(2 + 4 * layers.length, marker);
  layers.forEach((layer, at) => {
    index.writeUInt32LE(layer.length, 1 + 4 * at);
  });
  return Buffer.concat([...layers, index]);
}

function larger(size: FrameSize, other: FrameSize | undefined): FrameSize {
  if (!other) return size;
  return {
    width: Math.max(size.width, other.width),
    height: Math.max(size.height, other.height),
  };
}

/** Has no state. */
export const vp9Depacketizer: Depacketizer = {
  startsKeyframe(payload) {
    if (((payload[0] ?? 0) & (IS_PREDICTED | BEGINS)) !== BEGINS) return false;
    return readDescriptor(payload)?.spatialLayer === 0;
  },

  sizeIn(payload) {
    const descriptor = readDescriptor(payload);
    const own = descriptor && vp9KeyframeSize(payload.subarray(descriptor.length));
    return own && larger(own, descriptor.size);
  },

  assemble(payloads) {
    const layers: Buffer[] = [];
    let parts: Buffer[] = [];
    let structureSize: FrameSize | undefined;
    for (const payload of payloads) {
      const descriptor = readDescriptor(payload);
      if (!descriptor) return undefined;
      const { flags, size, length } = descriptor;
      structureSize ??= size;
      if (((flags & BEGINS) !== 0) !== (parts.length === 0)) return undefined;
      parts.push(payload.subarray(length));
      if ((flags & ENDS) === 0) continue;
      layers.push(parts.length === 1 ? (parts[0] as Buffer) : Buffer.concat(parts));
      parts = [];
    }
    const [first] = layers;
    if (!first || parts.length > 0 || layers.length > MAX_LAYERS) return undefined;
    const data = layers.length === 1 ? first : superframe(layers);
    const size = vp9KeyframeSize(first);
    return { data, keyframe: size !== undefined, size: size && larger(size, structureSize) };
  },
};
