/** Valid messages of clients, one of each type and action. */
import type { ClientMessage } from '../../../src/protocol/client-messages.js';
import type { DataMessage } from '../../../src/protocol/data-messages.js';
import type { Random } from '../random.js';
import { chromiumOffer } from './offer.js';

const ID = 'p-1';
const CUSTOM = {
  background: '#102030',
  regions: [
    { x: 0, y: 0, width: 0.5, height: 1, role: 'speaker' as const, radius: 0.1, z: 1 },
    { x: 0.5, y: 0, width: 0.5, height: 1, role: 'participant' as const, identity: 'one' },
  ],
};

const DATA: readonly DataMessage[] = [
  { type: 'chat', text: 'hello' },
  { type: 'message', topic: 'poll', data: { question: 'lunch?', answers: [1, 2, [3]] }, to: [ID] },
];

/** Ends of rooms are left out: each costs a media process. */
const CLIENT: readonly ClientMessage[] = [
  ...DATA,
  { type: 'join', room: 'workshop', name: 'Fuzz', viewer: false, previous: 'x' },
  { type: 'resume', participant: ID, token: 'abcdefgh' },
  { type: 'candidate', candidate: 'candidate:1 1 udp 2122260223 127.0.0.1 50000 typ host' },
  { type: 'mute', mic: true, camera: false, screen: false },
  { type: 'receive', maxWidth: 640, maxHeight: 360, maxBitrate: 500, rendition: 'auto' },
  { type: 'recordings' },
  { type: 'moderate', action: 'lock', locked: false },
  { type: 'moderate', action: 'lobby', enabled: false },
  { type: 'moderate', action: 'admit', participant: ID },
  { type: 'moderate', action: 'deny', participant: ID },
  { type: 'moderate', action: 'remove', participant: ID },
  { type: 'moderate', action: 'mute', participant: ID, mic: false },
  { type: 'moderate', action: 'askToUnmute', participant: ID, mic: true },
  { type: 'moderate', action: 'rename', participant: ID, name: 'Another' },
  { type: 'moderate', action: 'role', participant: ID, role: 'viewer' },
  { type: 'moderate', action: 'gain', participant: ID, gainDb: -6 },
  { type: 'moderate', action: 'layout', mode: 'custom', custom: CUSTOM },
  { type: 'moderate', action: 'pin', participants: [ID, `${ID}:screen`] },
];

export function dataMessage(random: Random): DataMessage {
  return random.pick(DATA);
}

export function clientMessage(random: Random): ClientMessage {
  if (random.chance(0.03)) return { type: 'offer', sdp: chromiumOffer() };
  return random.pick(CLIENT);
}
