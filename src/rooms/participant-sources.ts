/** The sources of a participant, as the room's pipeline sees them. */
import type { SourceState } from '../link/link-messages.js';
import type { MediaSource } from './media-source.js';
import type { Participant } from './participant.js';

/** The camera and microphone, and the screen while it is shared. */
export function sourcesOf(participant: Participant): MediaSource[] {
  const camera: MediaSource = {
    id: participant.sourceId,
    get state() {
      return cameraState(participant);
    },
    requestKeyframe: () => participant.connection.requestKeyframe('camera'),
    shownAt: (size) => participant.media.showCameraAt(size),
  };
  if (!participant.sharesScreen) return [camera];
  const screen: MediaSource = {
    id: participant.screenSourceId,
    get state() {
      return screenState(participant);
    },
    requestKeyframe: () => participant.connection.requestKeyframe('screen'),
  };
  return [camera, screen];
}

function cameraState(participant: Participant): SourceState {
  const { sourceId, identity, name, visible, avatar } = participant;
  return {
    id: sourceId,
    owner: sourceId,
    kind: 'camera',
    identity,
    name,
    visible,
    videoOn: participant.cameraShown,
    audioOn: participant.micHeard,
    trouble: hasTrouble(participant, 'camera'),
    gain: 10 ** (participant.gainDb / 20),
    ...(avatar === undefined ? {} : { avatar }),
  };
}

function screenState(participant: Participant): SourceState {
  const id = participant.screenSourceId;
  return {
    ...cameraState(participant),
    id,
    kind: 'screen',
    trouble: hasTrouble(participant, 'screen'),
    videoOn: true,
    audioOn: true,
    gain: 1,
  };
}

function hasTrouble({ connectionState, media }: Participant, video: 'camera' | 'screen'): boolean {
  const isMissing = video === 'camera' && media.missing.includes('video');
  return connectionState === 'interrupted' || media.stalled.has(video) || isMissing;
}
