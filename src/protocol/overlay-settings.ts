/** What lies over the picture of a room as a whole. */

export const CORNERS = ['top-left', 'top-right', 'bottom-left', 'bottom-right'] as const;
export type Corner = (typeof CORNERS)[number];

export interface OverlaySettings {
  /** At the top; empty is none. */
  readonly title?: string;
  /** The time of day at the top right. */
  readonly clock?: {
    /** IANA name, such as `Europe/Berlin`. */
    readonly timeZone: string;
  };
  /** The mark that tells people that they are recorded. */
  readonly recording?: boolean;
  readonly logo?: {
    /** Name of an image of the room. */
    readonly image: string;
    readonly corner: Corner;
    /** In fractions of the picture's height. */
    readonly height: number;
  };
  /** An image over the middle of the picture. */
  readonly watermark?: {
    readonly image: string;
    /** 0 to 1. */
    readonly opacity: number;
    /** In fractions of the picture's height. */
    readonly height: number;
  };
}
