/** Finds where a frame ends among the packets that are held. Pure. */
import type { VideoCodec } from '../protocol/codec-names.js';
import type { ColourSpace } from '../rtp/colour-space.js';
import type { Rotation } from '../rtp/rotation.js';
import type { Micros, RtpTicks } from '../util/units.js';

/** A packet that waits until its frame is whole. */
export interface HeldPacket {
  /** Empty of packets that only fill the line: they belong to no frame. */
  readonly payload: Buffer;
  readonly timestamp: RtpTicks;
  readonly marker: boolean;
  readonly codec: VideoCodec;
  /** False of packets with parameter sets, delimiters or filler alone. */
  readonly hasPicture: boolean;
  readonly colourSpace: ColourSpace | undefined;
  readonly rotation: Rotation | undefined;
  readonly arrivedAt: Micros;
}

/** By extended sequence number. */
export type HeldPackets = ReadonlyMap<number, HeldPacket>;

/**
 * One frame from its first packet on. What has one timestamp is one frame. A marker ends it sooner, if
 * the sender's markers can be trusted: some senders set them on every slice, or on parameter sets.
 */
export class FrameScan {
  /** The first packet that was not looked at; while the frame is not whole, it is missing. */
  at: number;
  /** A marker stood before the end of the frame. */
  hasMarkerInside = false;
  /** The last packet that was looked at has a marker that may end the frame. */
  endsWithMarker = false;
  private hasPicture = false;

  constructor(public start: number) {
    this.at = start;
  }

  restart(start: number): void {
    this.start = start;
    this.at = start;
    this.hasMarkerInside = false;
    this.endsWithMarker = false;
    this.hasPicture = false;
  }

  /** The number of the frame's last packet; undefined while it is not whole. */
  end(packets: HeldPackets, trustsMarkers: boolean): number | undefined {
    const first = packets.get(this.start);
    if (!first) return undefined;
    if (trustsMarkers && this.endsWithMarker) return this.at - 1;
    for (; ; this.at++) {
      const packet = packets.get(this.at);
      if (!packet) return undefined;
      if (packet.payload.length === 0) continue;
      if (packet.timestamp !== first.timestamp || packet.codec !== first.codec) return this.at - 1;
      if (this.endsWithMarker && packet.hasPicture) this.hasMarkerInside = true;
      this.hasPicture ||= packet.hasPicture;
      this.endsWithMarker = packet.marker && this.hasPicture;
      if (this.endsWithMarker && trustsMarkers) return this.at++;
    }
  }
}
