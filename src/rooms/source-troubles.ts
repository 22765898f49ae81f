/**
 * Which sources of a room are in trouble, as the media process and the quarantine see it: written to
 * the log with the participant's id, and shown in the participant's state.
 */
import { TesseraError } from '../errors.js';
import type { FaultReport } from '../link/fault-stages.js';
import type { SourceId } from '../link/link-messages.js';
import type { Logger } from '../logger.js';
import type { MediaTrouble } from '../protocol/participants.js';

/** A participant, as far as the troubles of their media need it. */
export interface TroubledParticipant {
  readonly id: string;
  readonly sourceId: SourceId;
  readonly screenSourceId: SourceId;
  mediaTrouble: MediaTrouble | undefined;
}

export interface SourceTroublesEvents<P> {
  /** A participant's {@link TroubledParticipant.mediaTrouble} changed. */
  changed(participant: P): void;
  tell(participant: P, error: TesseraError): void;
}

export class SourceTroubles<P extends TroubledParticipant> {
  private readonly troubles = new Map<SourceId, MediaTrouble>();

  constructor(
    private readonly participants: () => readonly P[],
    private readonly logger: Logger,
    private readonly events: SourceTroublesEvents<P>,
  ) {}

  /** The media process caught an error; it reports one a second at most for each source. */
  fault({ source, stage, count, message }: FaultReport): void {
    const participant = this.ownerOf(source)?.id;
    const about = participant === undefined ? 'the room' : 'a source';
    this.logger.error(
      { participant, stage, count, stack: message },
      `caught an error about ${about}`,
    );
    if (this.troubles.get(source) !== 'quarantined') this.set(source, 'media_error');
  }

  /** The source has had no error for some time. */
  recovered(source: SourceId): void {
    if (this.troubles.get(source) === 'media_error') this.set(source, undefined);
  }

  /** The source is not decoded for a time: its sender learns why. */
  held(source: SourceId): void {
    const owner = this.ownerOf(source);
    if (!owner) return;
    this.logger.error({ participant: owner.id }, 'a source crashed two decoders: quarantined');
    const message = 'your video crashed the decoder; it is not shown for a time';
    const next = 'Restart the camera or the screen share, or send another codec.';
    this.events.tell(owner, new TesseraError('media_quarantined', message, { next }));
  }

  /** @param sources that are not decoded at present. */
  quarantined(sources: ReadonlySet<SourceId>): void {
    this.replace('quarantined', sources);
  }

  /** @param sources of which less is decoded than they send; their senders learn why. */
  overBudget(sources: readonly SourceId[]): void {
    this.replace('over_budget', new Set(sources), (owner) => {
      const message = 'your video has more pixels a second than the room can decode';
      const next = 'Send a smaller picture or fewer frames a second.';
      this.events.tell(owner, new TesseraError('video_over_budget', message, { next }));
    });
  }

  /** A new media process runs: the errors of the old one are over. */
  restarted(): void {
    for (const [source, trouble] of this.troubles) {
      if (trouble !== 'quarantined') this.set(source, undefined);
    }
  }

  /** Only these are in this kind of trouble now. */
  private replace(
    trouble: MediaTrouble,
    sources: ReadonlySet<SourceId>,
    isNew: (owner: P) => void = () => {},
  ): void {
    for (const source of sources) {
      if (this.troubles.get(source) === trouble) continue;
      this.set(source, trouble);
      const owner = this.ownerOf(source);
      if (owner) isNew(owner);
    }
    for (const [source, before] of this.troubles) {
      if (before === trouble && !sources.has(source)) this.set(source, undefined);
    }
  }

  private set(source: SourceId, trouble: MediaTrouble | undefined): void {
    if (trouble === undefined) this.troubles.delete(source);
    else this.troubles.set(source, trouble);
    const owner = this.ownerOf(source);
    if (!owner) return;
    const { sourceId, screenSourceId } = owner;
    const now = this.troubles.get(sourceId) ?? this.troubles.get(screenSourceId);
    if (owner.mediaTrouble === now) return;
    owner.mediaTrouble = now;
    this.events.changed(owner);
  }

  private ownerOf(source: SourceId): P | undefined {
    return this.participants().find(
      ({ sourceId, screenSourceId }) => sourceId === source || screenSourceId === source,
    );
  }
}
