/** What everybody in a room may know of one participant. */
import type { MediaTrouble, MissingMedia, Role } from '../protocol/participants.js';

/** Of a participant's media connection. */
export type ConnectionState = 'new' | 'connecting' | 'connected' | 'interrupted' | 'failed';

export interface ParticipantInfo {
  readonly id: string;
  readonly identity: string;
  readonly name: string;
  readonly role: Role;
  /** They send no audio and no video. */
  readonly viewer: boolean;
  readonly mic: boolean;
  readonly camera: boolean;
  /** Their screen is shared. */
  readonly screen: boolean;
  readonly connected: boolean;
  /** What is wrong with what they send. */
  readonly trouble?: MediaTrouble;
  /** What they send is being captured for diagnosis. */
  readonly captured?: boolean;
  /** Media that should flow and does not; missing if there is none. */
  readonly missing?: MissingMedia[];
}

/** A participant, as far as its description needs it. */
export interface Described {
  readonly id: string;
  readonly identity: string;
  readonly name: string;
  readonly role: Role;
  readonly viewer: boolean;
  readonly micOn: boolean;
  readonly cameraOn: boolean;
  readonly sharesScreen: boolean;
  readonly connectionState: ConnectionState;
  readonly mediaTrouble: MediaTrouble | undefined;
  /** What is wrong with it as far as the connection sees. */
  readonly connectionTrouble?: MediaTrouble | undefined;
  readonly captured: boolean;
  readonly missing: readonly MissingMedia[];
}

export function participantInfo(participant: Described): ParticipantInfo {
  const { id, identity, name, role, viewer, micOn, cameraOn, connectionState } = participant;
  const connected = connectionState === 'connected';
  const screen = participant.sharesScreen;
  const trouble = participant.mediaTrouble ?? participant.connectionTrouble;
  return {
    ...{ id, identity, name, role, viewer, mic: micOn, camera: cameraOn, screen, connected },
    ...(trouble ? { trouble } : {}),
    ...(participant.captured ? { captured: true } : {}),
    ...(participant.missing.length > 0 ? { missing: [...participant.missing] } : {}),
  };
}
