import { TesseraError } from '../errors.js';
import type { CustomLayout, LayoutMode } from '../protocol/layout.js';
import type { OverlaySettings } from '../protocol/overlay-settings.js';
import type { RecordingRequest } from '../protocol/recording-info.js';

/** What can be set for a room when it is made, and while it lasts. */
export interface RoomSettings {
  /** Nobody but hosts, and whoever was in already, comes in. */
  readonly locked: boolean;
  /** Whoever is no host waits until one lets them in. */
  readonly lobby: boolean;
  readonly maxParticipants: number;
  /** Seconds from the room's making to its end; 0 is without limit. */
  readonly maxSeconds: number;
  /** Seconds that it is kept while nobody is in it. */
  readonly emptySeconds: number;
  readonly layout: LayoutMode;
  /** Of the layout `custom`. */
  readonly customLayout?: CustomLayout;
  /** While a screen is shared, the layout is `presentation`, until somebody chooses another. */
  readonly autoPresentation: boolean;
  readonly overlays: OverlaySettings;
  /** Recorded from when the first comes in. */
  readonly record?: RecordingRequest;
  /** The maker's own; Tessera does not read it. */
  readonly metadata: string;
}

/** Of rooms that begin by somebody joining. */
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
 * Looks at what is to be changed; what is as it was may need what has gone since.
 * @param current of the room; undefined before there is one.
 * @throws TesseraError if settings do not go together, or need what is not there.
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
