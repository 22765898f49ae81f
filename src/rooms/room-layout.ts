/** The layout of a room's composite: its mode, what is pinned, and where the tiles are. */
import type { LayoutState, MixSettings, TilePlace } from '../link/link-messages.js';
import type { LayoutDescription, LayoutMode, TileRegion } from '../protocol/layout.js';
import type { Participant } from './participant.js';
import type { RoomSettings } from './room-settings.js';

/** The end of a pin that is a screen. */
const SCREEN = ':screen';

/** The id of the participant who is pinned, or whose screen is. */
export function ownerOf(pin: string): string {
  return pin.endsWith(SCREEN) ? pin.slice(0, -SCREEN.length) : pin;
}

export interface RoomLayoutOwner {
  participants(): readonly Participant[];
  settings(): RoomSettings;
  arrange(layout: LayoutState): void;
  /** Mode or pins changed; the tiles may be where they were. */
  onChanged(): void;
}

export class RoomLayoutControl {
  private pinned: readonly string[] = [];
  private regions: readonly TileRegion[] = [];
  /** A shared screen is presented, whatever the layout of the settings. */
  private presenting = false;
  /** Number of shared screens. */
  private shares = 0;
  private arranged = '';

  constructor(
    private readonly canvas: Pick<MixSettings, 'width' | 'height'>,
    private readonly owner: RoomLayoutOwner,
  ) {}

  get description(): LayoutDescription {
    const { pinned, regions, mode } = this;
    const { width, height } = this.canvas;
    return { mode, width, height, pinned: [...pinned], regions: [...regions] };
  }

  /** @param ids of participants in the room, or of their screens. */
  pin(ids: readonly string[]): void {
    this.pinned = [...new Set(ids)];
    this.arrange();
    this.owner.onChanged();
  }

  /** Settings of the layout changed. @param chosen a mode was chosen: it replaces the presentation. */
  settingsChanged(chosen: boolean): void {
    if (chosen) this.presenting = false;
    this.arrange();
    this.owner.onChanged();
  }

  left(id: string): void {
    this.pinned = this.pinned.filter((one) => ownerOf(one) !== id);
    this.followShares();
  }

  /** Presents the first shared screen, and ends that after the last one. */
  followShares(): void {
    const shares = this.owner.participants().filter(({ sharesScreen }) => sharesScreen).length;
    const changed = shares > 0 !== this.shares > 0;
    this.shares = shares;
    if (changed) this.presenting = shares > 0 && this.owner.settings().autoPresentation;
    this.arrange();
    if (changed) this.owner.onChanged();
  }

  arrange(): void {
    const participants = this.owner.participants();
    const pinned = this.pinned.flatMap((pin) => {
      const participant = participants.find(({ id }) => id === ownerOf(pin));
      return (pin.endsWith(SCREEN) ? participant?.screenSourceId : participant?.sourceId) ?? [];
    });
    const { customLayout: custom } = this.owner.settings();
    const layout = { mode: this.mode, pinned, ...(custom === undefined ? {} : { custom }) };
    const key = JSON.stringify(layout);
    if (key === this.arranged) return;
    this.arranged = key;
    this.owner.arrange(layout);
  }

  /** Takes the new places of the tiles. */
  placed(tiles: readonly TilePlace[]): void {
    const { width, height } = this.canvas;
    this.regions = tiles.flatMap(({ source: id, role, z, fit, ...tile }): TileRegion[] => {
      const owner = this.owner
        .participants()
        .find(({ sourceId, screenSourceId }) => sourceId === id || screenSourceId === id);
      if (!owner) return [];
      const source = owner.sourceId === id ? 'camera' : 'screen_share';
      const [x, y] = [tile.x / width, tile.y / height];
      const size = { width: tile.width / width, height: tile.height / height };
      return [{ participant: owner.id, source, role, z, fit, x, y, ...size }];
    });
  }

  /** `presentation` while a screen is shared, unless somebody chose another mode since. */
  private get mode(): LayoutMode {
    return this.presenting ? 'presentation' : this.owner.settings().layout;
  }
}
