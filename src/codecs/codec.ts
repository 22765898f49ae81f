/**
 * What a codec must say about itself. Each codec has one file, its descriptor; `codecs.ts` lists them.
 * Descriptors know names and rules only: they load neither FFmpeg nor libopus, so that the server
 * process can use them.
 */

import type { AudioCodec, VideoCodecName } from '../protocol/codec-names.js';
import type { FormatParameters } from '../rtp/negotiated-media.js';
import type { FrameSize } from '../util/frame-size.js';
import type { HardwareEncoder } from '../util/units.js';
import type { Depacketizer } from './depacketizer.js';
import type { Packetizer } from './packetizer.js';

/** What the answer asks for beyond the codec itself. */
export interface AnswerWishes {
  /** Not to send silence (RFC 7587, 3.1.3). */
  readonly dtx: boolean;
  /** Two channels (RFC 7587, 6.1): asked of what the client sends, said of what it is sent. */
  readonly stereo?: boolean;
}

/** From the client, or to it. */
export type MediaDirection = 'up' | 'down';

/** A codec in SDP: which offered formats can be used, and how they are answered. */
export interface SdpFormat {
  /** As in `a=rtpmap`; upper and lower case are the same. */
  readonly encodingName: string;
  /** The payload type that needs no `a=rtpmap` (RFC 3551, 6). */
  readonly staticPayloadType?: number;
  /**
   * @param direction `up` for what the client sends.
   * @returns undefined if a format with these parameters cannot be used. Of several formats of one
   *   codec the one with the highest rank is used, the first of equals.
   */
  rank(parameters: FormatParameters, direction: MediaDirection): number | undefined;
  /** @returns the parameters of the answer's `a=fmtp`; undefined writes no such line. */
  answerParameters(offered: string | undefined, wishes: AnswerWishes): string | undefined;
  /** The parameters that bots offer; undefined if the codec needs none. */
  readonly clientParameters?: string | undefined;
  /** @returns the kinds of the answer's `a=rtcp-fb`. @param offered the kinds that the client offers. */
  answerFeedback(offered: ReadonlySet<string>): readonly string[];
}

/** An option of an FFmpeg encoder: its name and its value. */
export type EncoderOption = readonly [name: string, value: string];

/** What most of a picture is: it changes what an encoder is to spare. */
export type VideoContent = 'camera' | 'screen';

/** What the options of an encoder depend on. */
export interface EncoderTuning {
  readonly bitrateBps: number;
  /** `camera` by default. */
  readonly content?: VideoContent;
  /** The encoder's own trade of quality for CPU: `cpu-used` of libvpx, the preset of the others. */
  readonly speed?: string;
  /** Every second frame is one that no other needs. Off by default; ignored without the ability. */
  readonly temporalLayers?: boolean;
}

/** An encoder of FFmpeg and how it is driven in real time: one picture in, one frame out. */
export interface EncoderSpec {
  /** FFmpeg's name of it. */
  readonly name: string;
  options(tuning: EncoderTuning): readonly EncoderOption[];
  /** The same codec in hardware; where it cannot be opened, the encoder above takes its place. */
  readonly hardware?: Readonly<
    Record<HardwareEncoder, { readonly name: string; readonly options: readonly EncoderOption[] }>
  >;
  /** Its least bitrate must be set too, or it does not keep the bitrate. */
  readonly setsMinRate?: boolean;
  /** Its rate control counts frames, not time: left-out frames must be made up for in the bitrate. */
  readonly countsFrames?: boolean;
  /** It must be given the end of the stream before it is freed. */
  readonly needsEnd?: boolean;
}

/** A video codec that clients may send. */
export interface UplinkSide {
  /** One depacketizer for each stream. @param parameters of the offer's `a=fmtp`. */
  createDepacketizer(parameters: FormatParameters): Depacketizer;
  /** Size of a keyframe's picture; undefined for other frames, and for malformed ones. */
  keyframeSize(frame: Buffer): FrameSize | undefined;
  /** Its bitstream says what its colours mean, and is right about it. */
  readonly signalsColourSpace: boolean;
  /**
   * Whether the pictures from this keyframe on may be shown in another order than they are decoded
   * in. The decoder then keeps some back. Never, if this is left out.
   */
  mayReorder?(keyframe: Buffer): boolean;
}

/** A video codec that the composite may be encoded in. */
export interface DownlinkSide {
  /** One packetizer for each encode. */
  createPacketizer(): Packetizer;
  /** Two temporal layers cost little: receivers may be sent every second frame alone. */
  readonly temporalLayers: boolean;
  readonly encoder: EncoderSpec;
}

export interface VideoCodecDescriptor {
  readonly name: VideoCodecName;
  readonly kind: 'video';
  /** RTP ticks per second. */
  readonly clockRate: number;
  readonly sdp: SdpFormat;
  /** FFmpeg's name of the codec, by which its decoder is found and files say what is in them. */
  readonly ffmpegName: string;
  /** What containers want in their header, from a keyframe; undefined if it is not in this one. */
  parameterSets?(keyframe: Buffer): Buffer | undefined;
  /** A frame as a decoder takes it, from a sample of an MP4 file; the same if this is left out. */
  fromMp4?(sample: Buffer): Buffer;
  readonly uplink?: UplinkSide;
  readonly downlink?: DownlinkSide;
}

export interface UplinkVideoCodec extends VideoCodecDescriptor {
  readonly uplink: UplinkSide;
}

export interface DownlinkVideoCodec extends VideoCodecDescriptor {
  readonly downlink: DownlinkSide;
}

export interface AudioCodecDescriptor {
  readonly name: AudioCodec;
  readonly kind: 'audio';
  /** RTP ticks per second. */
  readonly clockRate: number;
  readonly sdp: SdpFormat;
  /** Taken only if nothing better is offered. */
  readonly isFallback?: boolean;
  /** FFmpeg's name of the codec. */
  readonly ffmpegName: string;
}

export type CodecDescriptor = VideoCodecDescriptor | AudioCodecDescriptor;
