import type { Room } from '../rooms/room.js';

/** What recordings and live outputs need of a room. */
export interface OutputRoom
  extends Pick<
    Room,
    | 'id'
    | 'settings'
    | 'mix'
    | 'videoCodecs'
    | 'start'
    | 'updates'
    | 'participants'
    | 'visibleParticipants'
    | 'layout'
    | 'egress'
    | 'setEgress'
    | 'announce'
    | 'addOutput'
    | 'removeOutput'
    | 'ownRendition'
    | 'requestKeyframe'
    | 'requestSourceKeyframe'
  > {
  /** Differs between rooms that had the same id one after the other. */
  readonly sid: string;
}
