import { TesseraError } from '../errors.js';
import type { CustomLayout, LayoutMode } from '../protocol/layout.js';
import type { OverlaySettings } from '../protocol/overlay-settings.js';
import type { RecordingRequest } from '../protocol/recording-info.js';

/** What can be set for a room, when it begins and later. */
export interface RoomSettings {
  /** Only hosts and people who were in before may enter. */
  readonly locked: boolean;
  /** People who are not hosts wait until a host lets them in. */
  readonly lobby: boolean;
  readonly maxParticipants: number;
  /** Longest duration of the room in seconds; 0 is without limit. */
  readonly maxSeconds: number;
  /** Seconds after which an empty room ends. */
  readonly emptySeconds: number;
  readonly layout: LayoutMode;
  /** For the layout `custom`. */
  readonly customLayout?: CustomLayout;
  /** While a screen is shared, the layout is `presentation`, unless somebody chooses another. */
  readonly autoPresentation: boolean;
  readonly overlays: OverlaySettings;
  /** Recorded from the first participant on. */
  readonly record?: RecordingRequest;
  /** For the application; Tessera does not read it. */
  readonly metadata: string;
}

/** For settings that the creator of a room leaves out. */
export type RoomDefaults = Pick<RoomSettings, 'maxParticipants' | 'maxSeconds' | 'emptySeconds'>;

export function settingsFrom(
  defaults: RoomDefaults,
  wanted: Partial<RoomSettings> = {},
): RoomSettings {
  return {
    locked: false,
    lobby: false,
    layout: 'grid',
    autoPresentation: true,
    overlays: {},
    metadata: '',
    ...defaults,
    ...wanted,
  };
}

export function imageNotFound(name: string): TesseraError {
  return new TesseraError('image_not_found', `the room has no image ${name}`, {
    next: 'Upload it first, with PUT /v1/rooms/{room}/images/{image}.',
  });
}

function isTimeZone(name: string): boolean {
  try {
    new Intl.DateTimeFormat('en', { timeZone: name });
    return true;
  } catch {
    return false;
  }
}

/**
 * Checks a change of settings. Settings that stay are not checked: their images may be gone.
 * @param current settings; undefined for a new room.
 * @throws TesseraError `bad_layout`, `bad_time_zone`, `image_not_found`.
 */
export function checkChange(
  { layout, customLayout, overlays = {} }: Partial<RoomSettings>,
  current: RoomSettings | undefined,
  images: { has(name: string): boolean },
): void {
  if (layout === 'custom' && !customLayout && !current?.customLayout) {
    throw new TesseraError('bad_layout', 'there is no custom layout', {
      next: 'Describe it in `custom` (or `customLayout` of the room).',
    });
  }
  const { clock, logo, watermark } = overlays;
  if (clock && !isTimeZone(clock.timeZone)) {
    throw new TesseraError('bad_time_zone', `there is no time zone ${clock.timeZone}`, {
      next: 'Use an IANA name, such as Europe/Berlin.',
    });
  }
  for (const name of [logo?.image, watermark?.image, customLayout?.image]) {
    if (name !== undefined && !images.has(name)) throw imageNotFound(name);
  }
}
