/**
 * Which RTP packets belong to which of a client's streams: by SSRC, mid and payload type
 * (RFC 8843, 9.2), retransmissions by what was announced or by rid (RFC 4588, RFC 8852).
 */
import {
  isUplink,
  type MediaSection,
  type PayloadFormat,
  type UplinkUse,
} from '../rtp/negotiated-media.js';
import type { RtpPacket } from '../rtp/rtp-packet.js';
import type { Ssrc } from '../util/units.js';

/** Streams kept per client: the newest of each m-line and simulcast layer, and some to spare. */
export const MAX_STREAMS = 16;

/** What the table must know of a stream. */
interface TableEntry {
  readonly ssrc: Ssrc;
  /** Id of its simulcast layer (RFC 8852); undefined without simulcast. */
  readonly rid: string | undefined;
  readonly section: MediaSection;
}

/** The m-line that a packet belongs to, and the format that its payload type stands for. */
export interface PacketMatch {
  readonly section: MediaSection;
  readonly format: PayloadFormat;
  readonly use: UplinkUse;
}

export class StreamTable<Stream extends TableEntry> {
  private readonly streams = new Map<Ssrc, Stream>();
  /** SSRCs of retransmissions that were recognised by a header extension. */
  private readonly repairOf = new Map<Ssrc, Ssrc>();
  private sections: readonly MediaSection[] = [];

  /** @param onRemoved a stream that has been replaced. */
  constructor(private readonly onRemoved: (stream: Stream) => void) {}

  negotiated(sections: readonly MediaSection[]): void {
    this.sections = sections;
  }

  get size(): number {
    return this.streams.size;
  }

  get(ssrc: Ssrc): Stream | undefined {
    return this.streams.get(ssrc);
  }

  /** Oldest first. */
  [Symbol.iterator](): IterableIterator<Stream> {
    return this.streams.values();
  }

  /** @returns undefined of a packet that belongs to no m-line that clients send on. */
  match(packet: RtpPacket): PacketMatch | undefined {
    const section = this.sectionOf(packet);
    for (const candidate of section ? [section] : this.sections) {
      const { use } = candidate;
      if (!isUplink(use)) continue;
      const format = candidate.formats.find((offered) => stands(offered, packet.payloadType));
      if (format) return { section: candidate, format, use };
    }
    return undefined;
  }

  /**
   * Takes a stream that is not known yet. A new SSRC on an m-line, or of a layer, replaces the old
   * one: the client has changed its track. Layers that are announced by SSRC are beside each other.
   * @returns undefined if there are too many streams; `make` is not called then.
   */
  add(match: PacketMatch, { ssrc, rid }: RtpPacket, make: () => Stream): Stream | undefined {
    if (this.streams.size >= MAX_STREAMS) return undefined;
    const stream = make();
    const { mid, simulcastSsrcs } = match.section;
    const isLayer = (one: Ssrc) => simulcastSsrcs?.has(one) ?? false;
    for (const other of this.streams.values()) {
      if (other.section.mid !== mid || other.rid !== rid) continue;
      if (!isLayer(ssrc) || !isLayer(other.ssrc)) this.remove(other);
    }
    this.streams.set(ssrc, stream);
    return stream;
  }

  /** The stream that a retransmission repairs. */
  repairedBy({ ssrc: repair, rid }: RtpPacket, section: MediaSection): Stream | undefined {
    const known = this.repairOf.get(repair) ?? announcedPrimary(section, repair);
    if (known !== undefined) return this.streams.get(known);
    for (const stream of this.streams.values()) {
      if (stream.section.mid !== section.mid || stream.rid !== rid) continue;
      if (this.repairOf.size < MAX_STREAMS) this.repairOf.set(repair, stream.ssrc);
      return stream;
    }
    return undefined;
  }

  private sectionOf({ ssrc, mid: written }: RtpPacket): MediaSection | undefined {
    const mid = this.streams.get(ssrc)?.section.mid ?? written;
    const byMid = mid === undefined ? undefined : this.sections.find((known) => known.mid === mid);
    return byMid ?? this.sections.find(({ ssrcs }) => isAnnounced(ssrcs, ssrc));
  }

  private remove(stream: Stream): void {
    this.streams.delete(stream.ssrc);
    for (const [repair, primary] of this.repairOf) {
      if (primary === stream.ssrc) this.repairOf.delete(repair);
    }
    this.onRemoved(stream);
  }
}

function stands(format: PayloadFormat, payloadType: number): boolean {
  const { payloadType: own, rtxPayloadType, redPayloadType } = format;
  return [own, rtxPayloadType, redPayloadType].includes(payloadType);
}

function announcedPrimary({ ssrcs }: MediaSection, repair: Ssrc): Ssrc | undefined {
  for (const [primary, announced] of ssrcs) if (announced === repair) return primary;
  return undefined;
}

function isAnnounced(ssrcs: ReadonlyMap<Ssrc, Ssrc | undefined>, ssrc: Ssrc): boolean {
  return ssrcs.has(ssrc) || [...ssrcs.values()].includes(ssrc);
}
