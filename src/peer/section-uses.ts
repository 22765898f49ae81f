/** What the m-lines of an offer are used for. */
import type { UplinkUse } from '../rtp/negotiated-media.js';

/** One m-line, as far as its use depends on it. */
export interface OfferedUse {
  readonly mid: string;
  readonly kind: 'audio' | 'video' | 'data' | 'other';
  /** Whether media may flow from the client, and to it. */
  readonly sends: boolean;
  readonly receives: boolean;
}

export interface SectionUse {
  /** What the client sends on it. */
  readonly up: UplinkUse | undefined;
  /** Whether the mix, or the composite, is sent to the client on it. */
  readonly down: boolean;
  readonly data: boolean;
}

export const UNUSED: SectionUse = { up: undefined, down: false, data: false };

const UPLINK_USES = { audio: ['mic', 'screen-audio'], video: ['camera', 'screen'] } as const;

/**
 * Gives each m-line its use. What an m-line was used for before it stays. Of the rest the first that send
 * are microphone and camera, the first that receive get the mix, the next that send are the screen and its
 * sound. If nothing but the microphone's or the camera's m-line receives, the mix is sent on that: pages
 * with plain `addTrack` have one m-line for both directions.
 * @param before uses by mid, from the last offer.
 */
export function usesOf(
  offered: readonly OfferedUse[],
  before: ReadonlyMap<string, SectionUse> = new Map(),
): SectionUse[] {
  const uses = offered.map((media) => kept(media, before.get(media.mid)));
  const isTaken = (test: (use: SectionUse, media: OfferedUse) => boolean) =>
    uses.some((use, index) => test(use, offered[index] as OfferedUse));
  offered.forEach(({ kind, sends, receives }, index) => {
    const { up, down, data } = uses[index] as SectionUse;
    if (up || down || data) return;
    if (kind === 'data') uses[index] = { ...UNUSED, data: !isTaken((use) => use.data) };
    if (kind !== 'audio' && kind !== 'video') return;
    const [first, second] = UPLINK_USES[kind];
    const isFree = (wanted: UplinkUse) => sends && !isTaken((use) => use.up === wanted);
    const needsDown = !isTaken((use, media) => use.down && media.kind === kind);
    if (isFree(first)) uses[index] = { ...UNUSED, up: first };
    else if (receives && needsDown) uses[index] = { ...UNUSED, down: true };
    else if (isFree(second)) uses[index] = { ...UNUSED, up: second };
  });
  for (const kind of ['audio', 'video'] as const) {
    if (isTaken((use, media) => use.down && media.kind === kind)) continue;
    const both = offered.findIndex(
      (media, index) => media.kind === kind && media.receives && uses[index]?.up,
    );
    if (both >= 0) uses[both] = { ...(uses[both] as SectionUse), down: true };
  }
  return uses;
}

function kept({ kind, sends, receives }: OfferedUse, before: SectionUse | undefined): SectionUse {
  if (!before) return UNUSED;
  if (kind === 'data') return before.data ? before : UNUSED;
  if (kind === 'other') return UNUSED;
  const up = before.up && (UPLINK_USES[kind] as readonly string[]).includes(before.up);
  return {
    up: sends && up ? before.up : undefined,
    down: receives && before.down,
    data: false,
  };
}
