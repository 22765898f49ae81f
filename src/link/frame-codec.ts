import { COMPOSITE_CODECS, type VideoCodec } from '../protocol/codec-names.js';
import type { Rotation } from '../rtp/rotation.js';
import type { TemporalLayer } from '../util/units.js';
import type { EgressCommand, EgressEvent } from './egress-messages.js';
import type { MediaCommand, MediaEvent, MediaFrame } from './link-messages.js';

/**
 * The link's wire format. Every record: u32 length of what follows, u8 kind, then by kind, all
 * little endian. Both ends are the same build on the same machine; there is no version to negotiate.
 */
const KINDS = ['control', 'video-in', 'audio-in', 'video-out', 'audio-out'] as const;
/** Codec and rotation, or codec and temporal layer, in one field. */
const CODEC_SHIFT = 12;
const KEYFRAME = 1;
const LOW = 1;
const LOW_BEGINS = 2;
const LAST = 4;
const REPEAT = 8;
const SILENT = 64;
const BT709 = 16;
const FULL_RANGE = 32;
/** Length of the fixed part behind the length word: kind, flags, sequence, source, timestamp, two times. */
const FIXED = 1 + 1 + 2 + 4 + 4 + 8 + 8;

export type LinkMessage = MediaCommand | MediaEvent | EgressCommand | EgressEvent;

/** A control message as one record. */
export function encodeControl(message: LinkMessage): Buffer {
  const body = Buffer.from(JSON.stringify(message));
  const head = Buffer.allocUnsafe(5);
  head.writeUInt32LE(body.length + 1, 0);
  head[4] = 0;
  return Buffer.concat([head, body]);
}

/** The head of a frame's record; the frame's data follows it on the wire, uncopied. */
export function encodeFrameHead(frame: MediaFrame): Buffer {
  const head = Buffer.alloc(4 + FIXED);
  head.writeUInt32LE(FIXED + frame.data.length, 0);
  head[4] = KINDS.indexOf(frame.kind);
  let flags = 0;
  if (frame.kind === 'video-in' || frame.kind === 'video-out') {
    flags = frame.keyframe ? KEYFRAME : 0;
    const detail = frame.kind === 'video-in' ? frame.rotation : frame.temporalLayer;
    head.writeUInt16LE((COMPOSITE_CODECS.indexOf(frame.codec) << CODEC_SHIFT) | detail, 6);
  } else if (frame.kind === 'audio-out') {
    const { last, low, lowBegins } = frame;
    flags = (last ? LAST : 0) | (low ? LOW : 0) | (lowBegins ? LOW_BEGINS : 0);
  } else flags = (frame.isRepeat ? REPEAT : 0) | (frame.isSilent ? SILENT : 0);
  if (frame.kind === 'video-in') {
    const { matrix, fullRange } = frame.colourSpace;
    flags |= (matrix === 'bt709' ? BT709 : 0) | (fullRange ? FULL_RANGE : 0);
  }
  head[5] = flags;
  head.writeUInt32LE(frame.kind === 'video-out' ? frame.rendition : frame.source, 8);
  if (frame.kind === 'audio-in') {
    head.writeUInt16LE(frame.sequence, 6);
    head.writeUInt32LE(frame.timestamp >>> 0, 12);
  }
  if (frame.kind === 'audio-in' || frame.kind === 'video-in') {
    head.writeDoubleLE(frame.arrivalMicros, 24);
  }
  if (frame.kind === 'video-out') head.writeDoubleLE(frame.encodedMicros, 24);
  const time =
    frame.kind === 'video-in' || frame.kind === 'audio-in' ? frame.captureMicros : frame.ptsMicros;
  head.writeDoubleLE(time, 16);
  return head;
}

/** Decodes a record without its length word. Frame data is a view into `record`. */
export function decodeRecord(record: Buffer): LinkMessage | MediaFrame {
  const kind = KINDS[record[0] as number];
  if (kind === undefined) throw new Error(`unknown record kind ${record[0]} on the link`);
  if (kind === 'control') return JSON.parse(record.toString('utf8', 1)) as LinkMessage;
  const flags = record[1] as number;
  const keyframe = (flags & KEYFRAME) !== 0;
  const detail = record.readUInt16LE(2) & ((1 << CODEC_SHIFT) - 1);
  const codec = COMPOSITE_CODECS[record.readUInt16LE(2) >> CODEC_SHIFT] ?? 'vp8';
  const source = record.readUInt32LE(4);
  const time = record.readDoubleLE(12);
  const data = record.subarray(FIXED);
  switch (kind) {
    case 'video-in': {
      const matrix = flags & BT709 ? 'bt709' : 'bt601';
      const colourSpace = { matrix, fullRange: (flags & FULL_RANGE) !== 0 } as const;
      const rotation = detail as Rotation;
      return {
        kind,
        source,
        codec: codec as VideoCodec,
        keyframe,
        colourSpace,
        rotation,
        arrivalMicros: record.readDoubleLE(20),
        captureMicros: time,
        data,
      };
    }
    case 'audio-in':
      return {
        kind,
        source,
        sequence: record.readUInt16LE(2),
        timestamp: record.readUInt32LE(8),
        isRepeat: (flags & REPEAT) !== 0,
        isSilent: (flags & SILENT) !== 0,
        captureMicros: time,
        arrivalMicros: record.readDoubleLE(20),
        data,
      };
    case 'video-out':
      return {
        kind,
        codec,
        rendition: source,
        keyframe,
        temporalLayer: detail as TemporalLayer,
        ptsMicros: time,
        encodedMicros: record.readDoubleLE(20),
        data,
      };
    case 'audio-out':
      return {
        kind,
        source,
        ptsMicros: time,
        last: (flags & LAST) !== 0,
        low: (flags & LOW) !== 0,
        lowBegins: (flags & LOW_BEGINS) !== 0,
        data,
      };
  }
}
