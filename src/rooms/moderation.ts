/** What hosts and admins do with participants: mute, ask to unmute, rename, change the role, remove. */
import { TesseraError } from '../errors.js';
import type { Role } from '../protocol/participants.js';
import type { Grant } from './grant.js';
import type { Member, Membership } from './membership.js';
import type { MuteRequest } from './room-update.js';
import type { UpdateBus } from './update-bus.js';

/** A participant, as far as moderation needs it. */
export interface Moderated extends Member {
  version: number;
  name: string;
  role: Role;
  gainDb: number;
  readonly screenOn: boolean;
  setMuted(state: MuteRequest): void;
}

/** Fields that are left out stay as they are. */
export interface ParticipantChange {
  readonly name?: string | undefined;
  readonly role?: Role | undefined;
  /** Of their audio in the mix, in dB. */
  readonly gainDb?: number | undefined;
}

/** All methods throw TesseraError `participant_not_found`. */
export class Moderation<P extends Moderated> {
  constructor(
    private readonly members: Membership<P>,
    private readonly updates: UpdateBus,
    /** Announces a participant who was changed. */
    private readonly changed: (participant: P) => void,
    /** Takes back the token of somebody who was removed. */
    private readonly revoke: (grant: Grant) => void,
    /** Lets a role hold for the person, also when they come back. */
    private readonly keepRole: (grant: Grant, from: Role, role: Role) => void = () => {},
  ) {}

  /** Switches off what is `true`; only the participant can switch it on again. */
  mute(id: string, { mic, camera, screen }: MuteRequest): void {
    const participant = this.members.find(id);
    const off = {
      ...(mic && participant.micOn ? { mic } : {}),
      ...(camera && participant.cameraOn ? { camera } : {}),
      ...(screen && participant.screenOn ? { screen } : {}),
    };
    if (Object.keys(off).length === 0) return;
    participant.setMuted({
      ...(off.mic ? { mic: false } : {}),
      ...(off.camera ? { camera: false } : {}),
      ...(off.screen ? { screen: false } : {}),
    });
    this.updates.tell(id, { type: 'muted', off });
  }

  /** Mutes everybody but hosts. */
  muteAll(request: MuteRequest): void {
    for (const { id, role } of this.members.all) if (role !== 'host') this.mute(id, request);
  }

  /** Asks somebody to switch on what is `true`. */
  askToUnmute(id: string, { mic, camera }: MuteRequest): void {
    this.members.find(id);
    const on = { ...(mic ? { mic } : {}), ...(camera ? { camera } : {}) };
    this.updates.tell(id, { type: 'unmuteAsked', on });
  }

  /** Changes name, role or gain, and announces it. */
  change(id: string, { name, role, gainDb }: ParticipantChange): P {
    const participant = this.members.find(id);
    const { role: before } = participant;
    participant.version++;
    participant.name = name ?? participant.name;
    participant.role = role ?? participant.role;
    participant.gainDb = gainDb ?? participant.gainDb;
    if (role !== undefined && role !== before) this.keepRole(participant.grant, before, role);
    this.changed(participant);
    if (before !== 'host' && participant.role === 'host') this.members.tellLobby(id);
    return participant;
  }

  /** Removes somebody for good: neither their token nor their resume token lets them in again. */
  remove(id: string): void {
    const participant = this.members.find(id);
    this.members.forbidReturn(participant);
    this.revoke(participant.grant);
    this.members.dismiss(id, new TesseraError('removed', 'a host removed you from the room'));
  }
}
