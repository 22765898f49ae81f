/** The counters of one connection, as one record with the names of the metrics. */
import { type DataAssociationCounters, dataAssociationCounters } from './data-association.js';
import type { GuardCounters } from './datagram-guard.js';
import type { DtlsIntakeCounters } from './dtls-intake.js';
import type { MediaPathCounters } from './media-path.js';
import type { RemoteCandidateCounters } from './remote-candidates.js';
import { type SrtpCounters, srtpCounters } from './srtp-session.js';

export interface SocketCounters {
  datagrams_received: number;
  datagrams_sent: number;
  /** There was no way to the client, or its socket took no more. */
  datagrams_not_sent: number;
}

export type PeerTransportCounters = SocketCounters &
  RemoteCandidateCounters &
  DtlsIntakeCounters &
  MediaPathCounters &
  GuardCounters &
  SrtpCounters &
  DataAssociationCounters;

/** Of stages that are not there yet. */
export const NO_SRTP: Readonly<SrtpCounters> = srtpCounters();
export const NO_DATA: Readonly<DataAssociationCounters> = dataAssociationCounters();
