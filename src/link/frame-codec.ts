/**
 * The link's wire format. Every record: u32 length of what follows, u8 kind, then by kind, all little
 * endian. Both ends are the same build on the same machine, so there is no version to negotiate.
 */
import {
  COMPOSITE_CODECS,
  isCompositeCodec,
  isUplinkVideo,
  UPLINK_AUDIO_CODECS,
  UPLINK_VIDEO_CODECS,
  type VideoCodecName,
} from '../protocol/codec-names.js';
import type { Rotation } from '../rtp/rotation.js';
import type { TemporalLayer } from '../util/units.js';
import type { EgressCommand, EgressEvent } from './egress-messages.js';
import type {
  AudioInFrame,
  AudioOutFrame,
  MediaCommand,
  MediaEvent,
  MediaFrame,
  VideoInFrame,
  VideoOutFrame,
} from './link-messages.js';

const KINDS = ['control', 'video-in', 'audio-in', 'video-out', 'audio-out'] as const;
/** A codec's number on the link is its place here. */
const VIDEO_CODECS: readonly VideoCodecName[] = [
  ...new Set<VideoCodecName>([...COMPOSITE_CODECS, ...UPLINK_VIDEO_CODECS]),
];

/** Flags of video. */
const KEYFRAME = 1;
const DAMAGED = 2;
const BT709 = 16;
const FULL_RANGE = 32;
/** Flags of audio from the mixer. */
const LOW = 1;
const LOW_BEGINS = 2;
const LAST = 4;
/** Flags of audio from clients; the lowest three bits are the number of the codec. */
const AUDIO_CODEC = 7;
const REPEAT = 8;
const SILENT = 64;

/** Offsets of a frame's fields in its record, behind the length word. */
const AT = {
  kind: 0,
  flags: 1,
  /** u16: sequence number of audio, rotation or temporal layer of video. */
  detail: 2,
  /** u32: source, or rendition of the composite. */
  source: 4,
  /** u32: RTP timestamp of audio, number of the codec of video. */
  number: 8,
  /** f64: when the frame was captured, or when it is to be shown or heard. */
  time: 12,
  /** f64: when the frame arrived or was encoded. */
  otherTime: 20,
  data: 28,
} as const;
const LENGTH_BYTES = 4;

export type LinkMessage = MediaCommand | MediaEvent | EgressCommand | EgressEvent;

/** A control message as one record. */
export function encodeControl(message: LinkMessage): Buffer {
  const body = Buffer.from(JSON.stringify(message));
  const head = Buffer.allocUnsafe(5);
  head.writeUInt32LE(body.length + 1, 0);
  head[4] = 0;
  return Buffer.concat([head, body]);
}

function flag(isSet: boolean, bit: number): number {
  return isSet ? bit : 0;
}

/** What the fields of a record say about one frame. */
interface Head {
  readonly flags: number;
  readonly detail?: number;
  readonly source: number;
  readonly number?: number;
  readonly time: number;
  readonly otherTime?: number;
}

function codecNumber(codec: VideoCodecName): number {
  const number = VIDEO_CODECS.indexOf(codec);
  if (number < 0) throw new Error(`the link has no number for the codec ${codec}`);
  return number;
}

function headOf(frame: MediaFrame): Head {
  switch (frame.kind) {
    case 'video-in': {
      const { matrix, fullRange } = frame.colourSpace;
      return {
        flags:
          flag(frame.keyframe, KEYFRAME) |
          flag(frame.damaged === true, DAMAGED) |
          flag(matrix === 'bt709', BT709) |
          flag(fullRange, FULL_RANGE),
        detail: frame.rotation,
        source: frame.source,
        number: codecNumber(frame.codec),
        time: frame.captureMicros,
        otherTime: frame.arrivalMicros,
      };
    }
    case 'video-out':
      return {
        flags: flag(frame.keyframe, KEYFRAME),
        detail: frame.temporalLayer,
        source: frame.rendition,
        number: codecNumber(frame.codec),
        time: frame.ptsMicros,
        otherTime: frame.encodedMicros,
      };
    case 'audio-in':
      return {
        flags:
          UPLINK_AUDIO_CODECS.indexOf(frame.codec ?? 'opus') |
          flag(frame.isRepeat, REPEAT) |
          flag(frame.isSilent, SILENT),
        detail: frame.sequence,
        source: frame.source,
        number: frame.timestamp >>> 0,
        time: frame.captureMicros,
        otherTime: frame.arrivalMicros,
      };
    case 'audio-out':
      return {
        flags: flag(frame.last, LAST) | flag(frame.low, LOW) | flag(frame.lowBegins, LOW_BEGINS),
        source: frame.source,
        time: frame.ptsMicros,
      };
  }
}

/** The head of a frame's record; the frame's data follows it on the wire, uncopied. */
export function encodeFrameHead(frame: MediaFrame): Buffer {
  const { flags, detail = 0, source, number = 0, time, otherTime = 0 } = headOf(frame);
  const head = Buffer.allocUnsafe(LENGTH_BYTES + AT.data);
  head.writeUInt32LE(AT.data + frame.data.length, 0);
  head[LENGTH_BYTES + AT.kind] = KINDS.indexOf(frame.kind);
  head[LENGTH_BYTES + AT.flags] = flags;
  head.writeUInt16LE(detail, LENGTH_BYTES + AT.detail);
  head.writeUInt32LE(source, LENGTH_BYTES + AT.source);
  head.writeUInt32LE(number, LENGTH_BYTES + AT.number);
  head.writeDoubleLE(time, LENGTH_BYTES + AT.time);
  head.writeDoubleLE(otherTime, LENGTH_BYTES + AT.otherTime);
  return head;
}

/**
 * Decodes a record without its length word. Frame data is a view into `record`.
 * @throws Error for a kind or a codec that the link does not know: the other end has a fault.
 */
export function decodeRecord(record: Buffer): LinkMessage | MediaFrame {
  const kind = KINDS[record[AT.kind] as number];
  switch (kind) {
    case 'control':
      return JSON.parse(record.toString('utf8', 1)) as LinkMessage;
    case 'video-in':
      return decodeVideoIn(record);
    case 'audio-in':
      return decodeAudioIn(record);
    case 'video-out':
      return decodeVideoOut(record);
    case 'audio-out':
      return decodeAudioOut(record);
    default:
      throw new Error(`unknown record kind ${record[AT.kind]} on the link`);
  }
}

function codecOf<C extends VideoCodecName>(
  record: Buffer,
  isAllowed: (codec: VideoCodecName) => codec is C,
): C {
  const number = record.readUInt32LE(AT.number);
  const codec = VIDEO_CODECS[number];
  if (codec === undefined || !isAllowed(codec)) {
    throw new Error(`unknown codec ${number} of a ${KINDS[record[AT.kind] as number]} frame`);
  }
  return codec;
}

const isSet = (record: Buffer, bit: number) => ((record[AT.flags] as number) & bit) !== 0;

function decodeVideoIn(record: Buffer): VideoInFrame {
  return {
    kind: 'video-in',
    source: record.readUInt32LE(AT.source),
    codec: codecOf(record, isUplinkVideo),
    keyframe: isSet(record, KEYFRAME),
    damaged: isSet(record, DAMAGED),
    colourSpace: {
      matrix: isSet(record, BT709) ? 'bt709' : 'bt601',
      fullRange: isSet(record, FULL_RANGE),
    },
    rotation: record.readUInt16LE(AT.detail) as Rotation,
    arrivalMicros: record.readDoubleLE(AT.otherTime),
    captureMicros: record.readDoubleLE(AT.time),
    data: record.subarray(AT.data),
  };
}

function decodeAudioIn(record: Buffer): AudioInFrame {
  const number = (record[AT.flags] as number) & AUDIO_CODEC;
  const codec = UPLINK_AUDIO_CODECS[number];
  if (codec === undefined) throw new Error(`unknown codec ${number} of an audio-in frame`);
  return {
    kind: 'audio-in',
    source: record.readUInt32LE(AT.source),
    codec,
    sequence: record.readUInt16LE(AT.detail),
    timestamp: record.readUInt32LE(AT.number),
    isRepeat: isSet(record, REPEAT),
    isSilent: isSet(record, SILENT),
    captureMicros: record.readDoubleLE(AT.time),
    arrivalMicros: record.readDoubleLE(AT.otherTime),
    data: record.subarray(AT.data),
  };
}

function decodeVideoOut(record: Buffer): VideoOutFrame {
  return {
    kind: 'video-out',
    codec: codecOf(record, isCompositeCodec),
    rendition: record.readUInt32LE(AT.source),
    keyframe: isSet(record, KEYFRAME),
    temporalLayer: record.readUInt16LE(AT.detail) as TemporalLayer,
    ptsMicros: record.readDoubleLE(AT.time),
    encodedMicros: record.readDoubleLE(AT.otherTime),
    data: record.subarray(AT.data),
  };
}

function decodeAudioOut(record: Buffer): AudioOutFrame {
  return {
    kind: 'audio-out',
    source: record.readUInt32LE(AT.source),
    ptsMicros: record.readDoubleLE(AT.time),
    last: isSet(record, LAST),
    low: isSet(record, LOW),
    lowBegins: isSet(record, LOW_BEGINS),
    data: record.subarray(AT.data),
  };
}
