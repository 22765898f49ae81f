/** What hosts ask for over signalling, done. */

import type { Moderate } from '../protocol/moderation.js';
import { cleanName } from '../rooms/names.js';
import type { Room } from '../rooms/room.js';

/** @throws TesseraError if there is nobody of that id, or the name is none. */
export function moderate(room: Room, message: Exclude<Moderate, { action: 'end' }>): void {
  switch (message.action) {
    case 'lock':
      room.update({ locked: message.locked });
      break;
    case 'lobby':
      room.update({ lobby: message.enabled });
      break;
    case 'admit':
      room.admit(message.participant);
      break;
    case 'deny':
      room.deny(message.participant);
      break;
    case 'remove':
      room.remove(message.participant);
      break;
    case 'mute':
      if (message.participant === undefined) room.muteAll(message);
      else room.mute(message.participant, message);
      break;
    case 'askToUnmute':
      room.askToUnmute(message.participant, message);
      break;
    case 'rename':
      room.change(message.participant, { name: cleanName(message.name) });
      break;
    case 'role':
      room.change(message.participant, { role: message.role });
      break;
    case 'layout':
      room.update({
        layout: message.mode,
        ...(message.custom === undefined ? {} : { customLayout: message.custom }),
      });
      break;
    case 'pin':
      room.pin(message.participants);
      break;
    case 'gain':
      room.change(message.participant, { gainDb: message.gainDb });
      break;
  }
}
