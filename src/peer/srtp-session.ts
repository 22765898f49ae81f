import { rtpHeaderLength } from '../rtp/rtp-packet.js';
import { sequenceDelta } from '../rtp/sequence.js';
import { protectRtcp, protectRtp, unprotectRtcp, unprotectRtp } from './srtp-crypto.js';
import { deriveSessionKeys, type SessionKeys, type SrtpProfile } from './srtp-keys.js';

/** Packets older than this below the newest are refused; RFC 3711 3.3.2 asks for at least 64. */
const REPLAY_WINDOW = 1024;
/** Streams per connection: the limit of the state that an authenticated peer can make. */
const MAX_STREAMS = 64;

export interface SrtpKeyMaterial {
  readonly profile: SrtpProfile;
  readonly localKey: Buffer;
  readonly localSalt: Buffer;
  readonly remoteKey: Buffer;
  readonly remoteSalt: Buffer;
}

/** After this many failures in a row another rollover counter is tried. Trying costs, so not each time. */
const DOUBT_AFTER = 16;
/** Rollovers that can be missed: the sequence numbers wrapped while nothing arrived. */
const MAX_MISSED_ROLLOVERS = 2;

/** Remembers which indices of one stream were seen (RFC 3711, 3.3.2). */
class ReplayWindow {
  highest = -1;
  /** Packets in a row that were not authentic. */
  failures = 0;
  private readonly seen = new Float64Array(REPLAY_WINDOW).fill(-1);

  isNew(index: number): boolean {
    return index > this.highest - REPLAY_WINDOW && this.seen[index % REPLAY_WINDOW] !== index;
  }

  add(index: number): void {
    this.seen[index % REPLAY_WINDOW] = index;
    if (index > this.highest) this.highest = index;
  }
}

export interface SrtpCounters {
  srtp_auth_failed: number;
  srtp_replayed: number;
  srtp_malformed: number;
  srtp_streams_refused: number;
  /** Streams whose rollover counter was corrected. */
  srtp_rollovers_found: number;
}

export function srtpCounters(): SrtpCounters {
  return {
    srtp_auth_failed: 0,
    srtp_replayed: 0,
    srtp_malformed: 0,
    srtp_streams_refused: 0,
    srtp_rollovers_found: 0,
  };
}

/** The SRTP and SRTCP contexts of one connection, both directions (RFC 3711, RFC 7714). */
export class SrtpSession {
  readonly counters = srtpCounters();
  private readonly localRtp: SessionKeys;
  private readonly localRtcp: SessionKeys;
  private readonly remoteRtp: SessionKeys;
  private readonly remoteRtcp: SessionKeys;
  private readonly inbound = new Map<number, ReplayWindow>();
  private readonly inboundRtcp = new Map<number, ReplayWindow>();
  private readonly outbound = new Map<number, { roc: number; last: number }>();
  private rtcpIndex = 0;

  constructor(material: SrtpKeyMaterial) {
    const { profile, localKey, localSalt, remoteKey, remoteSalt } = material;
    this.localRtp = deriveSessionKeys(profile, 'rtp', localKey, localSalt);
    this.localRtcp = deriveSessionKeys(profile, 'rtcp', localKey, localSalt);
    this.remoteRtp = deriveSessionKeys(profile, 'rtp', remoteKey, remoteSalt);
    this.remoteRtcp = deriveSessionKeys(profile, 'rtcp', remoteKey, remoteSalt);
  }

  /**
   * Protects one of our own packets in its own memory, which needs SRTP_TRAILER_BYTES more than
   * `length`. The rollover counter follows the sequence numbers, which must be sent contiguously;
   * retransmissions of recent ones keep their index.
   */
  protect(packet: Buffer, length: number, headerLength: number): Buffer {
    const sequence = packet.readUInt16BE(2);
    const ssrc = packet.readUInt32BE(8);
    const state = this.outbound.get(ssrc) ?? { roc: 0, last: sequence };
    this.outbound.set(ssrc, state);
    const delta = sequenceDelta(state.last, sequence);
    let roc = state.roc;
    if (delta > 0) {
      if (sequence < state.last) roc = ++state.roc;
      state.last = sequence;
    } else if (sequence > state.last) roc--;
    const counter = Math.max(0, roc);
    return protectRtp(this.localRtp, packet, length, headerLength, ssrc, counter, sequence);
  }

  protectRtcp(compound: Buffer): Buffer {
    this.rtcpIndex = (this.rtcpIndex + 1) & 0x7fff_ffff;
    return protectRtcp(this.localRtcp, compound, this.rtcpIndex);
  }

  /** Decrypts a packet in its own memory. Undefined, and counted, if malformed, replayed or not authentic. */
  unprotect(packet: Buffer): Buffer | undefined {
    const headerLength = rtpHeaderLength(packet);
    if (headerLength < 0) {
      this.counters.srtp_malformed++;
      return undefined;
    }
    const sequence = packet.readUInt16BE(2);
    const ssrc = packet.readUInt32BE(8);
    const known = this.inbound.get(ssrc);
    if (!known && this.inbound.size >= MAX_STREAMS) {
      this.counters.srtp_streams_refused++;
      return undefined;
    }
    let index = known ? estimateIndex(known.highest, sequence) : sequence;
    if (known && !known.isNew(index)) {
      this.counters.srtp_replayed++;
      return undefined;
    }
    const open = (at: number) =>
      unprotectRtp(this.remoteRtp, packet, headerLength, ssrc, Math.floor(at / 0x1_0000), sequence);
    let plain = open(index);
    if (!plain && known && ++known.failures % DOUBT_AFTER === 0) {
      // Only forward: an older index may be a replay.
      for (let missed = 1; missed <= MAX_MISSED_ROLLOVERS && !plain; missed++) {
        index += 0x1_0000;
        plain = open(index);
      }
      if (plain) this.counters.srtp_rollovers_found++;
    }
    if (!plain) {
      this.counters.srtp_auth_failed++;
      return undefined;
    }
    const window = known ?? new ReplayWindow();
    window.failures = 0;
    window.add(index);
    if (!known) this.inbound.set(ssrc, window);
    return plain;
  }

  /** The decrypted compound packet. Undefined, and counted, if malformed, replayed or not authentic. */
  unprotectRtcp(packet: Buffer): Buffer | undefined {
    if (packet.length < 12) {
      this.counters.srtp_malformed++;
      return undefined;
    }
    const plain = unprotectRtcp(this.remoteRtcp, packet);
    if (!plain) {
      this.counters.srtp_auth_failed++;
      return undefined;
    }
    const ssrc = packet.readUInt32BE(4);
    const window = this.inboundRtcp.get(ssrc) ?? new ReplayWindow();
    if (!window.isNew(plain.index)) {
      this.counters.srtp_replayed++;
      return undefined;
    }
    if (!this.inboundRtcp.has(ssrc) && this.inboundRtcp.size >= MAX_STREAMS) {
      this.counters.srtp_streams_refused++;
      return undefined;
    }
    window.add(plain.index);
    this.inboundRtcp.set(ssrc, window);
    return plain.packet;
  }
}

/** The most likely index of a sequence number given the highest seen (RFC 3711, 3.3.1). */
export function estimateIndex(highest: number, sequence: number): number {
  const roc = Math.floor(highest / 0x1_0000);
  const last = highest & 0xffff;
  const guess =
    last < 0x8000
      ? sequence - last > 0x8000
        ? roc - 1
        : roc
      : last - 0x8000 > sequence
        ? roc + 1
        : roc;
  return Math.max(0, guess) * 0x1_0000 + sequence;
}
