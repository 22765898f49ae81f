/** Turns what the media process reports about sources into updates about participants. */
import type { SourceId, TilePlace } from '../link/link-messages.js';
import type { Micros } from '../util/units.js';
import { type Described, participantInfo } from './participant-info.js';
import type { RoomLayoutControl } from './room-layout.js';
import type { UpdateBus } from './update-bus.js';

export class Announcer {
  private speakingIds: readonly string[] = [];

  constructor(
    private readonly updates: UpdateBus,
    private readonly participants: () => readonly (Described & { readonly sourceId: SourceId })[],
    private readonly layoutControl: Pick<RoomLayoutControl, 'placed' | 'description'>,
  ) {}

  /** @param sources of all who speak now; nothing is announced if they are the same as before. */
  speaking(sources: readonly SourceId[]): void {
    const all = this.participants();
    const speakers = all.filter(({ sourceId }) => sources.includes(sourceId));
    const ids = speakers.map(({ id }) => id);
    const before = this.speakingIds;
    if (ids.join() === before.join()) return;
    this.speakingIds = ids;
    const stopped = all.filter(({ id }) => before.includes(id) && !ids.includes(id));
    const started = speakers.filter(({ id }) => !before.includes(id));
    this.updates.publish({
      type: 'speaking',
      participants: ids,
      started: started.map(participantInfo),
      stopped: stopped.map(participantInfo),
    });
  }

  /** @param source undefined after the dominant speaker left. */
  dominant(source: SourceId | undefined): void {
    const dominant = this.participants().find(({ sourceId }) => sourceId === source);
    this.updates.publish({ type: 'dominant', participant: dominant?.id });
  }

  /** @param ptsMicros of the first composite in which the tiles have these places. */
  placed(tiles: readonly TilePlace[], ptsMicros: Micros): void {
    this.layoutControl.placed(tiles);
    this.layout(ptsMicros);
  }

  /** Mode or pins changed; the tiles may be where they were. */
  layout(ptsMicros?: Micros): void {
    this.updates.publish({ type: 'layout', layout: this.layoutControl.description, ptsMicros });
  }
}
