/** Remembers which participant each recorded source belongs to. */
import type { TrackFile } from '../../link/egress-messages.js';
import type { SourceId } from '../../link/link-messages.js';
import type { ParticipantTrack } from '../../protocol/recording-info.js';
import type { Participant } from '../../rooms/participant.js';

interface TrackOwner {
  readonly participant: string;
  readonly identity: string;
  readonly name: string;
  readonly isScreen: boolean;
}

export class TrackOwners {
  private readonly owners = new Map<SourceId, TrackOwner>();

  get sources(): SourceId[] {
    return [...this.owners.keys()];
  }

  has(source: SourceId): boolean {
    return this.owners.has(source);
  }

  /** @returns whether the source belongs to a participant in the room. */
  add(source: SourceId, participants: readonly Participant[]): boolean {
    const found = participants.find(
      ({ sourceId, screenSourceId }) => sourceId === source || screenSourceId === source,
    );
    if (!found) return false;
    const { id: participant, identity, name } = found;
    const isScreen = found.screenSourceId === source;
    this.owners.set(source, { participant, identity, name, isScreen });
    return true;
  }

  /** A participant has left. @returns their sources. */
  remove(id: string): SourceId[] {
    const gone = this.sources.filter((source) => this.owners.get(source)?.participant === id);
    for (const source of gone) this.owners.delete(source);
    return gone;
  }

  /** Describes a file with its owner; undefined if the owner is unknown. */
  describe({ source, kind, file, startMicros }: TrackFile): ParticipantTrack | undefined {
    const owner = this.owners.get(source);
    if (!owner) return undefined;
    const { isScreen, ...who } = owner;
    const sound = isScreen ? 'screen_share_audio' : 'microphone';
    return {
      file,
      ...who,
      source: kind === 'audio' ? sound : isScreen ? 'screen_share' : 'camera',
      startMs: Math.round(startMicros / 1000),
    };
  }
}
