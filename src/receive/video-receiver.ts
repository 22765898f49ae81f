/**
 * Stage: one video stream from RTP packets to whole frames in decoding order. Callers may rely on:
 * every frame given follows the one before without a gap, or is a keyframe; frames larger than
 * MAX_FRAME_SIZE never come out. Pure; times in microseconds.
 */

import { UPLINK_VIDEO } from '../codecs/codecs.js';
import type { DepacketizedFrame } from '../codecs/depacketizer.js';
import type { VideoCodec } from '../protocol/codec-names.js';
import type { ColourSpace } from '../rtp/colour-space.js';
import type { Rotation } from '../rtp/rotation.js';
import type { RtpPacket } from '../rtp/rtp-packet.js';
import { Unwrapper } from '../rtp/sequence.js';
import type { FrameSize } from '../util/frame-size.js';
import type { Micros, RtpTicks } from '../util/units.js';
import { NackGenerator } from './nack-generator.js';

/** Largest picture that is decoded: its longer and its shorter side, in pixels. */
export const MAX_FRAME_SIZE = { long: 1920, short: 1200 } as const;
/** Packets held while a gap is repaired: more than a second of a 10 Mbps stream. */
const MAX_PACKETS = 2048;
/** Keyframe requests for one stream are this far apart. */
export const KEYFRAME_REQUEST_INTERVAL: Micros = 500_000;

export interface ReceivedFrame extends DepacketizedFrame {
  readonly codec: VideoCodec;
  readonly timestamp: RtpTicks;
  /** From the header extension of the latest keyframe; undefined if it had none. */
  readonly colourSpace: ColourSpace | undefined;
  /** From the header extension of the latest frame that had one. */
  readonly rotation: Rotation;
  /** When the first of its packets arrived. */
  readonly firstArrivalMicros: Micros;
}

export interface VideoReceiverEvents {
  onFrame(frame: ReceivedFrame): void;
  requestKeyframe(): void;
  onTooLarge(size: FrameSize): void;
  /** A keyframe of this size has begun to arrive; it may never be whole. */
  onSize(size: FrameSize): void;
}

interface HeldPacket {
  readonly payload: Buffer;
  readonly timestamp: RtpTicks;
  readonly marker: boolean;
  readonly codec: VideoCodec;
  readonly colourSpace: ColourSpace | undefined;
  readonly rotation: Rotation | undefined;
  readonly arrivedAt: Micros;
}

export interface VideoReceiverCounters {
  video_packets_received: number;
  /** Came twice, or after their frame was given or given up. */
  video_packets_old: number;
  /** Of simulcast layers that are not in use. */
  video_packets_paused: number;
  video_frames_received: number;
  video_frames_malformed: number;
  video_frames_too_large: number;
  /** Gaps that were given up, not single frames. */
  video_frames_lost: number;
  video_keyframe_requests: number;
}

/** Counters that begin at zero; several receivers may share them. */
export function videoReceiverCounters(): VideoReceiverCounters {
  return {
    video_packets_received: 0,
    video_packets_old: 0,
    video_packets_paused: 0,
    video_frames_received: 0,
    video_frames_malformed: 0,
    video_frames_too_large: 0,
    video_frames_lost: 0,
    video_keyframe_requests: 0,
  };
}

export class VideoReceiver {
  readonly kind = 'video';
  nack = new NackGenerator();
  private readonly unwrapper = new Unwrapper(16);
  private readonly packets = new Map<number, HeldPacket>();
  private keyframeStarts: number[] = [];
  /** The packet that the next frame begins with; undefined while waiting for a keyframe. */
  private next: number | undefined;
  private keyframeAskedAt = Number.NEGATIVE_INFINITY;
  private waitingSince: Micros | undefined;
  private paused = false;
  private hasReceived = false;
  private colourSpace: ColourSpace | undefined;
  private rotation: Rotation = 0;

  constructor(
    private readonly events: VideoReceiverEvents,
    readonly counters = videoReceiverCounters(),
  ) {}

  /** Takes a packet, original or repaired. @returns whether it opens a gap: then it is time to ask for what is missing. */
  receive(packet: RtpPacket, codec: VideoCodec, now: Micros): boolean {
    this.counters.video_packets_received++;
    this.hasReceived = true;
    const { payload, timestamp, marker, colourSpace, rotation } = packet;
    const { depacketizer } = UPLINK_VIDEO[codec].uplink;
    const startsKeyframe = payload.length > 0 && depacketizer.startsKeyframe(payload);
    if (startsKeyframe) {
      const size = depacketizer.assemble([payload])?.size;
      if (size) this.events.onSize(size);
    }
    if (this.paused) {
      this.counters.video_packets_paused++;
      return false;
    }
    const sequence = this.unwrapper.unwrap(packet.sequence);
    const gap = this.nack.received(sequence, now);
    if ((this.next !== undefined && sequence < this.next) || this.packets.has(sequence)) {
      this.counters.video_packets_old++;
      return gap;
    }
    const arrivedAt = now;
    const held = { payload, timestamp, marker, codec, colourSpace, rotation, arrivedAt };
    this.packets.set(sequence, held);
    if (startsKeyframe) {
      this.keyframeStarts.push(sequence);
      this.keyframeStarts.sort((a, b) => a - b);
    }
    if (this.packets.size > MAX_PACKETS) this.giveUp(now);
    this.assemble(now);
    return gap;
  }

  /** Called every few tens of milliseconds: gives up on gaps that can no longer be repaired. */
  tick(now: Micros): void {
    if (this.paused) return;
    if (this.next === undefined) {
      this.waitingSince ??= now;
      if (this.hasReceived) this.askKeyframe(now);
      return;
    }
    if (this.packets.size === 0 || this.packets.has(this.next)) return;
    if (!this.nack.isMissing(this.next)) this.giveUp(now);
  }

  /** The decoder lost its way, or there is a new viewer: asks for a keyframe, within the rate limit. */
  askKeyframe(now: Micros): void {
    if (now - this.keyframeAskedAt < KEYFRAME_REQUEST_INTERVAL) return;
    this.keyframeAskedAt = now;
    this.counters.video_keyframe_requests++;
    this.events.requestKeyframe();
  }

  /** While paused nothing is kept, asked for again or given. It goes on at a keyframe. */
  setPaused(paused: boolean): void {
    if (this.paused === paused) return;
    this.paused = paused;
    this.packets.clear();
    this.keyframeStarts = [];
    this.next = undefined;
    this.nack = new NackGenerator();
  }

  private assemble(now: Micros): void {
    for (;;) {
      if (this.next === undefined || !this.packets.has(this.next)) {
        // A keyframe that is already whole needs nothing before it.
        const start = this.keyframeStarts.find(
          (at) => (this.next === undefined || at > this.next) && this.frameEnd(at) !== undefined,
        );
        if (start === undefined) return;
        if (this.next !== undefined) this.counters.video_frames_lost++;
        this.next = start;
        this.waitingSince = undefined;
        this.dropBefore(start);
      }
      const first = this.packets.get(this.next) as HeldPacket;
      if (first.payload.length === 0) {
        this.packets.delete(this.next++);
        continue;
      }
      const end = this.frameEnd(this.next);
      if (end === undefined) return;
      this.emit(this.next, end, first, now);
      if (this.next === undefined) continue;
      this.next = end + 1;
      this.dropBefore(this.next);
    }
  }

  /** Sequence number of a frame's last packet, if all of it is there. */
  private frameEnd(start: number): number | undefined {
    const first = this.packets.get(start);
    if (!first) return undefined;
    for (let at = start; ; at++) {
      const packet = this.packets.get(at);
      if (!packet) return undefined;
      // Some senders leave the marker out; a new timestamp ends the frame just as well.
      if (packet.timestamp !== first.timestamp && packet.payload.length > 0) return at - 1;
      if (packet.marker) return at;
    }
  }

  private emit(start: number, end: number, first: HeldPacket, now: Micros): void {
    const payloads: Buffer[] = [];
    let firstArrivalMicros = now;
    for (let at = start; at <= end; at++) {
      const packet = this.packets.get(at) as HeldPacket;
      firstArrivalMicros = Math.min(firstArrivalMicros, packet.arrivedAt);
      if (packet.payload.length > 0) payloads.push(packet.payload);
    }
    const frame = UPLINK_VIDEO[first.codec].uplink.depacketizer.assemble(payloads);
    if (!frame) {
      this.counters.video_frames_malformed++;
      this.waitForKeyframe(end + 1, now);
      return;
    }
    if (frame.size && isTooLarge(frame.size)) {
      this.counters.video_frames_too_large++;
      this.events.onTooLarge(frame.size);
      this.waitForKeyframe(end + 1, now);
      return;
    }
    this.counters.video_frames_received++;
    // Both header extensions are on the last packet of a frame.
    const last = this.packets.get(end);
    if (frame.keyframe || last?.colourSpace) this.colourSpace = last?.colourSpace;
    this.rotation = last?.rotation ?? (frame.keyframe ? 0 : this.rotation);
    const { codec, timestamp } = first;
    const { colourSpace, rotation } = this;
    const described = { codec, timestamp, colourSpace, rotation, firstArrivalMicros };
    this.events.onFrame({ ...frame, ...described });
  }

  private giveUp(now: Micros): void {
    this.counters.video_frames_lost++;
    const highest = Math.max(...this.packets.keys());
    this.waitForKeyframe(this.packets.size > MAX_PACKETS ? highest : (this.next ?? 0), now);
    this.assemble(now);
  }

  private waitForKeyframe(from: number, now: Micros): void {
    this.next = undefined;
    this.waitingSince ??= now;
    this.dropBefore(from);
    this.askKeyframe(now);
  }

  private dropBefore(sequence: number): void {
    for (const at of this.packets.keys()) if (at < sequence) this.packets.delete(at);
    if (this.keyframeStarts.length > 0) {
      this.keyframeStarts = this.keyframeStarts.filter((at) => at >= sequence);
    }
    this.nack.forgetBefore(sequence);
  }
}

function isTooLarge({ width, height }: FrameSize): boolean {
  return (
    Math.max(width, height) > MAX_FRAME_SIZE.long || Math.min(width, height) > MAX_FRAME_SIZE.short
  );
}
