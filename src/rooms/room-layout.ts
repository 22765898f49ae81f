/** How a room's picture is arranged: its mode, who is pinned, what is shared, and where tiles then are. */
import type { LayoutState, MixSettings, TilePlace } from '../link/link-messages.js';
import type { LayoutDescription, LayoutMode, TileRegion } from '../protocol/layout.js';
import type { Participant } from './participant.js';
import type { RoomSettings } from './room-settings.js';

/** What a pin of somebody's screen ends with. */
const SCREEN = ':screen';

/** The participant that a pin is of. */
export function ownerOf(pin: string): string {
  return pin.endsWith(SCREEN) ? pin.slice(0, -SCREEN.length) : pin;
}

export interface RoomLayoutOwner {
  participants(): readonly Participant[];
  settings(): RoomSettings;
  arrange(layout: LayoutState): void;
  /** Mode or pins changed: regions may be as they were. */
  onChanged(): void;
}

export class RoomLayoutControl {
  private pinned: readonly string[] = [];
  private regions: readonly TileRegion[] = [];
  /** A share is shown in the presentation layout, whatever the room's own is. */
  private presenting = false;
  /** Screens that are shared. */
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

  /** @param ids of participants that are here, or of their screens. */
  pin(ids: readonly string[]): void {
    this.pinned = [...new Set(ids)];
    this.arrange();
    this.owner.onChanged();
  }

  /** Settings of the layout were changed; @param chosen somebody wants a mode, whatever is shared. */
  settingsChanged(chosen: boolean): void {
    if (chosen) this.presenting = false;
    this.arrange();
    this.owner.onChanged();
  }

  left(id: string): void {
    this.pinned = this.pinned.filter((one) => ownerOf(one) !== id);
    this.followShares();
  }

  /** The first share is presented; after the last one it is as it was. */
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

  /** Tiles are elsewhere than before. */
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

  /** As it is now: a share is presented, unless somebody wanted something else since it began. */
  private get mode(): LayoutMode {
    return this.presenting ? 'presentation' : this.owner.settings().layout;
  }
}
