/** The client's ICE candidates: how many are taken, and which ones the server sends checks to. */
import { IceCandidate, type RTCIceTransport } from 'werift';
import { type CandidatePolicy, mayProbe } from './candidate-filter.js';

/** Of one ICE generation. */
const MAX_CANDIDATES = 64;

export interface RemoteCandidateCounters {
  ice_candidates_over_limit: number;
}

export class RemoteCandidates {
  readonly counters: RemoteCandidateCounters = { ice_candidates_over_limit: 0 };
  /** Of this generation, those included that policy refuses. */
  private count = 0;

  constructor(
    private readonly ice: RTCIceTransport,
    private readonly policy: CandidatePolicy,
    private readonly onError: (error: unknown) => void,
  ) {}

  /** ICE restarts: a new generation. */
  restart(): void {
    this.count = 0;
  }

  /** @returns false if the candidate is malformed. One that policy refuses is ignored. */
  add(candidate: string): boolean {
    if (candidate === '') return true;
    // werift compares the generation with the number of its own restarts; the client may have made more.
    const line = candidate.replace(/ generation \d+/i, '');
    const parsed = IceCandidate.fromJSON({ candidate: line, sdpMid: '0', sdpMLineIndex: 0 });
    if (!parsed) return false;
    if (this.count >= MAX_CANDIDATES) {
      this.counters.ice_candidates_over_limit++;
      return true;
    }
    this.count++;
    if (parsed.protocol.toLowerCase() !== 'udp') return true;
    if (!mayProbe(parsed.ip, parsed.port, this.policy)) return true;
    this.ice.addRemoteCandidate(parsed)?.catch(this.onError);
    return true;
  }
}
