import type { Role } from './grant.js';
import type { Participant } from './participant.js';

/** What everybody in a room may know of one participant. */
export interface ParticipantInfo {
  readonly id: string;
  readonly identity: string;
  readonly name: string;
  readonly role: Role;
  /** Nothing of theirs is seen or heard. */
  readonly viewer: boolean;
  readonly mic: boolean;
  readonly camera: boolean;
  /** Their screen is shared. */
  readonly screen: boolean;
  readonly connected: boolean;
}

export function participantInfo(participant: Participant): ParticipantInfo {
  const { id, identity, name, role, viewer, micOn, cameraOn, connectionState } = participant;
  const connected = connectionState === 'connected';
  const screen = participant.sharesScreen;
  return { id, identity, name, role, viewer, mic: micOn, camera: cameraOn, screen, connected };
}
