/**
 * Stage: one video stream from RTP packets to whole frames in decoding order. Callers may rely on:
 * every frame given follows the one before without a gap, or is a keyframe, or is `damaged`; frames
 * of sizes that are not accepted never come out. A gap is kept open while a repair can come. Then the stream
 * goes on with the next whole keyframe, and one is asked for. A sender that ignores requests is decoded
 * as well as it can be. Pure; times in microseconds.
 */

import { UPLINK_VIDEO } from '../codecs/codecs.js';
import { type DepacketizedFrame, type Depacketizer, NO_PICTURE } from '../codecs/depacketizer.js';
import type { VideoCodec } from '../protocol/codec-names.js';
import type { ColourSpace } from '../rtp/colour-space.js';
import type { FormatParameters } from '../rtp/negotiated-media.js';
import type { Rotation } from '../rtp/rotation.js';
import type { RtpPacket } from '../rtp/rtp-packet.js';
import { Unwrapper } from '../rtp/sequence.js';
import type { FrameSize } from '../util/frame-size.js';
import type { Micros, RtpTicks } from '../util/units.js';
import { FrameScan, type HeldPacket } from './frame-scan.js';
import { KeyframeRequests } from './keyframe-requests.js';
import { NackGenerator } from './nack-generator.js';
import { type VideoReceiverCounters, videoReceiverCounters } from './video-receiver-counters.js';

/** Packets held at most; time ends the wait for them long before. */
const MAX_PACKETS = 4096;
/** After this many late packets in a row the sender has begun to count from another number. */
const MAX_OLD_IN_ROW = 300;
/** While there is no keyframe, packets are kept this long: the start of one may still be repaired. */
const KEPT_WITHOUT_KEYFRAME: Micros = 500_000;
/** Where markers cannot be trusted, a frame is over when this long nothing follows a marker. */
const MARKER_PATIENCE: Micros = 50_000;
/** A stream without a keyframe for this long is stalled. */
const STALLED_AFTER: Micros = 1_000_000;
/** Nor is it stalled while its sender sends nothing. */
const SILENT_AFTER: Micros = 2_000_000;

export interface ReceivedFrame extends DepacketizedFrame {
  readonly codec: VideoCodec;
  readonly timestamp: RtpTicks;
  /** Frames before it are missing, or a decoder may miss them, and no keyframe comes: it may look broken. */
  readonly damaged: boolean;
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
  /** Whether frames of this size are given; asked of each keyframe. */
  accepts(size: FrameSize): boolean;
  onTooLarge(size: FrameSize): void;
  /** A keyframe of this size has begun to arrive; it may never be whole. */
  onSize(size: FrameSize): void;
}

export class VideoReceiver {
  readonly kind = 'video';
  nack = new NackGenerator();
  private readonly unwrapper = new Unwrapper(16);
  private readonly packets = new Map<number, HeldPacket>();
  private readonly requests = new KeyframeRequests();
  private depacketizer: { readonly codec: VideoCodec; readonly stage: Depacketizer } | undefined;
  /** The frame that is next, if `isReading`. */
  private readonly scan = new FrameScan(0);
  /** False while waiting for a keyframe. */
  private isReading = false;
  /** Keyframes that begin in what is held, in order. */
  private starts: FrameScan[] = [];
  /** Everything before it was given or given up. */
  private from = Number.NEGATIVE_INFINITY;
  private highest = Number.NEGATIVE_INFINITY;
  /** A frame was given since the last gap: those that follow can be decoded. */
  private isDecodable = false;
  /** Frames are given although a keyframe is missing. */
  private isDamaged = false;
  /** A decoder needs a keyframe that does not come: it gets what there is. */
  private isWanted = false;
  /** The stream has given a keyframe. */
  private hadKeyframe = false;
  /** Markers end frames: always, not yet shown, or not at all. */
  private markers: 'trusted' | 'unproven' | 'wrong' = 'unproven';
  private lastTimestamp: RtpTicks | undefined;
  /** When the newest packet arrived; undefined before the first. */
  private arrivedAt: Micros | undefined;
  /** Packets in a row that came too late. */
  private oldInRow = 0;
  private waitingSince: Micros | undefined;
  private paused = false;
  /** Its pictures are too large: keyframes are of no use. */
  private isTooLarge = false;
  private colourSpace: ColourSpace | undefined;
  private rotation: Rotation = 0;

  constructor(
    private readonly events: VideoReceiverEvents,
    readonly counters: VideoReceiverCounters = videoReceiverCounters(),
  ) {}

  /**
   * Takes a packet, original or repaired.
   * @param parameters of the codec, from the offer; the first packet of a codec decides.
   * @returns whether it opens a gap: then it is time to ask for what is missing.
   */
  receive(packet: RtpPacket, codec: VideoCodec, now: Micros, parameters?: FormatParameters) {
    this.counters.video_packets_received++;
    this.arrivedAt = now;
    const { payload } = packet;
    const stage = this.depacketizerOf(codec, parameters);
    const isFiller = payload.length === 0;
    if (!isFiller) stage.arrived?.(payload);
    const startsKeyframe = !isFiller && stage.startsKeyframe(payload);
    if (startsKeyframe) this.keyframeBegan(stage, payload, now);
    if (this.paused) {
      this.counters.video_packets_paused++;
      return false;
    }
    const sequence = this.unwrapper.unwrap(packet.sequence);
    const gap = this.nack.received(sequence, now);
    if (sequence < this.from || this.packets.has(sequence)) {
      this.counters.video_packets_old++;
      if (++this.oldInRow >= MAX_OLD_IN_ROW) this.startAgain();
      return gap;
    }
    this.oldInRow = 0;
    this.packets.set(sequence, {
      payload,
      timestamp: packet.timestamp,
      marker: packet.marker,
      codec,
      hasPicture: !isFiller && (stage.hasPicture?.(payload) ?? true),
      colourSpace: packet.colourSpace,
      rotation: packet.rotation,
      arrivedAt: now,
    });
    this.highest = Math.max(this.highest, sequence);
    if (startsKeyframe) this.addStart(sequence);
    if (this.packets.size > MAX_PACKETS) this.wait(this.highest, now);
    this.assemble(now);
    return gap;
  }

  /** Called every few tens of milliseconds: gives up on gaps that can no longer be repaired. */
  tick(now: Micros, roundTrip: Micros = 0): void {
    if (this.paused || this.arrivedAt === undefined) return;
    this.endUnmarked(now, this.arrivedAt);
    const { scan } = this;
    if (!this.isReading) this.forget(now, roundTrip);
    else if (scan.at < this.highest && this.nack.isHopeless(scan.at, now, roundTrip)) {
      this.counters.video_frames_lost++;
      this.wait(scan.at + 1, now);
      this.assemble(now);
    }
    if (!this.isReading) {
      this.waitingSince ??= now;
      if (this.requests.areIgnored && this.hadKeyframe) this.goOn(now);
    }
    this.askIfLost(now);
  }

  /** The decoder lost its way, or there is a new viewer: asks for a keyframe, within the rate limit. */
  askKeyframe(now: Micros): void {
    if (this.isTooLarge || !this.requests.due(now)) return;
    if (this.requests.areIgnored && this.hadKeyframe) this.isWanted = true;
    this.counters.video_keyframe_requests++;
    this.events.requestKeyframe();
  }

  /** While paused nothing is kept, asked for again or given. It goes on at a keyframe. */
  setPaused(paused: boolean): void {
    if (this.paused === paused) return;
    this.paused = paused;
    this.hadKeyframe = false;
    this.startAgain();
  }

  /** It arrives, and there has been nothing to decode for a while, or only damaged frames. */
  isFailing(now: Micros): boolean {
    const { waitingSince = now, arrivedAt = 0 } = this;
    if (this.paused || now - arrivedAt > SILENT_AFTER) return false;
    return this.isDamaged || now - waitingSince >= STALLED_AFTER;
  }

  private depacketizerOf(codec: VideoCodec, parameters: FormatParameters = {}): Depacketizer {
    if (this.depacketizer?.codec === codec) return this.depacketizer.stage;
    const stage = UPLINK_VIDEO[codec].uplink.createDepacketizer(parameters);
    this.depacketizer = { codec, stage };
    // Senders of codecs whose frames have several units may set markers on each.
    this.markers = stage.hasPicture ? 'unproven' : 'trusted';
    return stage;
  }

  private keyframeBegan(stage: Depacketizer, payload: Buffer, now: Micros): void {
    this.requests.keyframeBegan(now);
    const size = stage.sizeIn(payload);
    if (!size) return;
    this.isTooLarge = !this.events.accepts(size);
    if (!this.isTooLarge) this.events.onSize(size);
  }

  private addStart(sequence: number): void {
    this.starts.push(new FrameScan(sequence));
    if (this.starts.length > 1) this.starts.sort((a, b) => a.start - b.start);
  }

  private get trustsMarkers(): boolean {
    return this.markers === 'trusted';
  }

  private assemble(now: Micros): void {
    const { scan, packets } = this;
    for (;;) {
      if (!this.isReading && !this.jump()) return;
      if (packets.get(scan.start)?.payload.length === 0) {
        packets.delete(scan.start);
        this.moveTo(scan.start + 1);
        continue;
      }
      const end = scan.end(packets, this.trustsMarkers);
      if (end !== undefined) this.emit(end, now);
      // Behind a gap, a keyframe that is whole needs nothing before it.
      else if (scan.at >= this.highest || !this.jump()) return;
    }
  }

  /** Goes on at the first whole keyframe behind the frame that is next. @returns whether there is one. */
  private jump(): boolean {
    for (const start of this.starts) {
      if (this.isReading && start.start <= this.scan.start) continue;
      if (start.end(this.packets, this.trustsMarkers) === undefined) continue;
      if (this.isReading) this.counters.video_frames_lost++;
      this.beginAt(start.start, false);
      return true;
    }
    return false;
  }

  /** @param isDecodable frames can be given that are no keyframes. */
  private beginAt(sequence: number, isDecodable: boolean): void {
    this.isReading = true;
    this.isDecodable = isDecodable;
    this.dropBefore(sequence);
    this.moveTo(sequence);
  }

  /** Gives a frame that nothing has followed for a while, where markers do not say that it is whole. */
  private endUnmarked(now: Micros, arrivedAt: Micros): void {
    if (this.trustsMarkers || now - arrivedAt < MARKER_PATIENCE) return;
    const isOver = ({ at, endsWithMarker }: FrameScan) => endsWithMarker && at > this.highest;
    if (!this.isReading) {
      const start = this.starts.find(isOver);
      if (!start) return;
      this.beginAt(start.start, false);
      this.scan.end(this.packets, false);
    }
    if (!isOver(this.scan)) return;
    this.emit(this.scan.at - 1, now);
    this.assemble(now);
  }

  private moveTo(sequence: number): void {
    this.from = sequence;
    this.scan.restart(sequence);
  }

  private emit(end: number, now: Micros): void {
    const { start } = this.scan;
    const first = this.packets.get(start) as HeldPacket;
    const last = this.packets.get(end);
    const payloads: Buffer[] = [];
    let firstArrivalMicros = now;
    for (let at = start; at <= end; at++) {
      const packet = this.packets.get(at) as HeldPacket;
      firstArrivalMicros = Math.min(firstArrivalMicros, packet.arrivedAt);
      if (packet.payload.length > 0) payloads.push(packet.payload);
      this.packets.delete(at);
    }
    const { codec, timestamp } = first;
    // A marker ended the frame before too early.
    const stage = this.depacketizerOf(codec);
    const isTorn =
      stage.hasPicture !== undefined && first.hasPicture && timestamp === this.lastTimestamp;
    this.judgeMarkers(isTorn);
    const frame = isTorn ? undefined : stage.assemble(payloads);
    if (frame === undefined) {
      this.counters.video_frames_malformed++;
      this.wait(end + 1, now);
      return;
    }
    this.moveTo(end + 1);
    this.nack.forgetBefore(end + 1);
    this.dropStarts(end + 1);
    if (frame === NO_PICTURE) return;
    this.lastTimestamp = timestamp;
    if (frame.size && !this.events.accepts(frame.size)) {
      this.counters.video_frames_too_large++;
      this.isTooLarge = true;
      this.events.onTooLarge(frame.size);
      this.wait(end + 1, now);
      return;
    }
    if (!frame.keyframe && !this.isDecodable) {
      this.wait(end + 1, now);
      return;
    }
    this.counters.video_frames_received++;
    this.isDecodable = true;
    this.waitingSince = undefined;
    if (frame.keyframe) {
      this.hadKeyframe = true;
      this.isDamaged = false;
      this.isWanted = false;
    }
    // Both header extensions are on the last packet of a frame.
    if (frame.keyframe || last?.colourSpace) this.colourSpace = last?.colourSpace;
    this.rotation = last?.rotation ?? (frame.keyframe ? 0 : this.rotation);
    const { colourSpace, rotation } = this;
    const damaged = this.isDamaged || this.isWanted;
    const described = { codec, timestamp, damaged, colourSpace, rotation, firstArrivalMicros };
    this.events.onFrame({ ...frame, ...described });
  }

  /** @param isTorn the frame before was given too early. */
  private judgeMarkers(isTorn: boolean): void {
    const { scan } = this;
    if (isTorn || scan.hasMarkerInside) this.markers = 'wrong';
    else if (this.markers === 'unproven' && scan.endsWithMarker) this.markers = 'trusted';
  }

  /** Waits for a keyframe behind a frame that cannot be given. */
  private wait(from: number, now: Micros): void {
    this.isReading = false;
    this.waitingSince ??= now;
    this.from = from;
    this.dropBefore(from);
    this.askIfLost(now);
  }

  /** Asks for a keyframe, unless one is arriving. */
  private askIfLost(now: Micros): void {
    if (this.isDamaged || (!this.isReading && this.starts.length === 0)) this.askKeyframe(now);
  }

  /** While waiting: lets go of keyframes that cannot become whole, and of what is too old to be of use. */
  private forget(now: Micros, roundTrip: Micros): void {
    this.starts = this.starts.filter(
      ({ at }) => at >= this.highest || !this.nack.isHopeless(at, now, roundTrip),
    );
    const first = this.starts[0]?.start ?? Number.POSITIVE_INFINITY;
    for (const [at, { arrivedAt }] of this.packets) {
      if (now - arrivedAt < KEPT_WITHOUT_KEYFRAME) break;
      if (at < first) this.packets.delete(at);
    }
  }

  /** Goes on without a keyframe, at the newest place where a frame is known to begin. */
  private goOn(now: Micros): void {
    const { packets } = this;
    for (let at = this.highest; packets.has(at) && packets.has(at - 1); at--) {
      const [packet, before] = [packets.get(at), packets.get(at - 1)] as [HeldPacket, HeldPacket];
      if (packet.payload.length === 0 || packet.timestamp === before.timestamp) continue;
      this.isDamaged = true;
      this.beginAt(at, true);
      this.assemble(now);
      return;
    }
  }

  private startAgain(): void {
    this.packets.clear();
    this.starts = [];
    this.isReading = false;
    this.isDamaged = false;
    this.isWanted = false;
    this.waitingSince = undefined;
    this.from = Number.NEGATIVE_INFINITY;
    this.highest = Number.NEGATIVE_INFINITY;
    this.nack = new NackGenerator();
  }

  private dropBefore(sequence: number): void {
    for (const at of this.packets.keys()) if (at < sequence) this.packets.delete(at);
    this.dropStarts(sequence);
    this.nack.forgetBefore(sequence);
  }

  private dropStarts(sequence: number): void {
    while (this.starts[0] && this.starts[0].start < sequence) this.starts.shift();
  }
}
