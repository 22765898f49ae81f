import type { CodecName } from '../protocol/codec-names.js';
import type { Ssrc } from '../util/units.js';
import type { HeaderExtensionIds } from './rtp-packet.js';

/** The parameters of an `a=fmtp` line, by name. */
export type FormatParameters = Readonly<Record<string, string | undefined>>;

/** A payload type and the codec that it means on one m-line. */
export interface PayloadFormat {
  readonly payloadType: number;
  readonly codec: CodecName;
  /** Payload type of its retransmissions (RFC 4588). */
  readonly rtxPayloadType: number | undefined;
  /** Payload type of this codec with redundancy (RFC 2198); audio only. */
  readonly redPayloadType: number | undefined;
  /** Whether lost packets may be asked for again (RFC 4585, 6.2.1). */
  readonly nack: boolean;
  /** As the client offers them. */
  readonly parameters?: FormatParameters;
}

/** What a client sends on an m-line. */
export type UplinkUse = 'mic' | 'camera' | 'screen' | 'screen-audio';

export function isUplink(use: MediaSection['use']): use is UplinkUse {
  return use === 'mic' || use === 'camera' || use === 'screen' || use === 'screen-audio';
}

/** What a client would send, if it were in a format that is taken. */
export interface RefusedMedia {
  readonly kind: 'audio' | 'video';
  /** Its formats in words: encoding names and parameters. */
  readonly offered: readonly string[];
}

/** What one m-line of the offer is used for. */
export interface MediaSection {
  readonly mid: string;
  readonly use: UplinkUse | 'mix-audio' | 'mix-video' | 'data' | 'unused';
  readonly formats: readonly PayloadFormat[];
  /**
   * What is sent to the client on it, and in which format: the mixed audio or the composite. Of an m-line
   * in both directions too, whose `use` is what the client sends.
   */
  readonly mix?: { readonly kind: 'audio' | 'video'; readonly format: PayloadFormat };
  /** SSRCs that the client announced, with the SSRC of their retransmissions. */
  readonly ssrcs: ReadonlyMap<Ssrc, Ssrc | undefined>;
  /** Ids of the simulcast layers that are sent on it (RFC 8852); empty without simulcast. */
  readonly rids: readonly string[];
  /** SSRCs of simulcast layers that have no ids (`a=ssrc-group:SIM`). */
  readonly simulcastSsrcs?: ReadonlySet<Ssrc>;
  /** Present if the client would send on it. Its use is not one of sending. */
  readonly refused?: RefusedMedia;
  /** SCTP port of the client (RFC 8841, 5); only of a data section. */
  readonly sctpPort?: number;
}

export interface NegotiatedMedia {
  readonly sections: readonly MediaSection[];
  readonly extensions: HeaderExtensionIds;
}

/** SSRCs of our two streams, fixed for the life of a connection. */
export interface LocalStreams {
  readonly cname: string;
  readonly audioSsrc: Ssrc;
  readonly videoSsrc: Ssrc;
  readonly videoRtxSsrc: Ssrc;
}
