import { TesseraError } from '../errors.js';

const MAX_NAME_LENGTH = 64;
const ROOM_ID = /^[\p{L}\p{N}_-]{1,64}$/u;
/** Control, private and unassigned characters, and format characters such as bidirectional overrides. */
const UNPRINTABLE =
  /[\p{Cc}\p{Co}\p{Cn}\p{Cs}\u200b\u200e\u200f\u2028-\u202e\u2060-\u2069\ufeff]/gu;

/** A display name in NFC, without invisible characters. @throws TesseraError `bad_name`. */
export function cleanName(name: string): string {
  const printable = name.normalize('NFC').replace(UNPRINTABLE, '');
  // What an invisible character kept apart may be one character now.
  const clean = printable.normalize('NFC').replace(/\s+/gu, ' ').trim();
  if (clean === '' || [...clean].length > MAX_NAME_LENGTH) {
    throw new TesseraError('bad_name', 'the name is empty or too long', {
      next: `Use 1 to ${MAX_NAME_LENGTH} printable characters.`,
    });
  }
  return clean;
}

/** A room id in NFC. @throws TesseraError `bad_room`. */
export function cleanRoomId(room: string): string {
  const clean = room.normalize('NFC');
  if (!ROOM_ID.test(clean)) {
    throw new TesseraError('bad_room', 'not a room name', {
      next: 'Use 1 to 64 letters, digits, "-" and "_".',
    });
  }
  return clean;
}
