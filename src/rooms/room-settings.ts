import type { CustomLayout, LayoutMode } from '../shared/layout-mode.js';

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
    metadata: '',
    ...defaults,
    ...wanted,
  };
}
