/** Writes what happens in a room into the timeline of its recording. */
import type { ParticipantInfo } from '../../rooms/participant-info.js';
import type { RoomUpdate } from '../../rooms/room-update.js';
import type { OutputRoom } from '../output-room.js';
import type { Happening, TimelineLog } from './timeline-log.js';

export class RoomTimeline {
  private unfollow = () => {};

  /**
   * @param positionMs where the recording is now, in milliseconds.
   * @param onGone hears which participant has left.
   */
  constructor(
    private readonly room: OutputRoom,
    private readonly log: TimelineLog,
    private readonly positionMs: () => number,
    private readonly onGone: (participant: string) => void,
  ) {}

  /** Writes who is there and follows the room from now on. */
  follow(): void {
    this.unfollow = this.room.updates.follow((update) => this.onUpdate(update));
    for (const info of this.room.visibleParticipants) this.addParticipant('joined', info);
    this.addLayout(this.room.layout);
  }

  stop(): void {
    this.unfollow();
  }

  add(happening: Happening): void {
    this.log.add(happening, this.positionMs());
  }

  private onUpdate(update: RoomUpdate): void {
    switch (update.type) {
      case 'joined':
      case 'changed':
        if (!update.hidden) this.addParticipant(update.type, update.participant);
        break;
      case 'left':
        if (!update.hidden) this.addLeft(update.participant.id);
        break;
      case 'speaking':
        this.add({ type: 'speaking', participants: update.participants });
        break;
      case 'layout':
        this.addLayout(update.layout);
        break;
      case 'chat': {
        const { from: participant, name, text } = update.message;
        this.add({ type: 'chat', participant, name, text });
        break;
      }
    }
  }

  private addLeft(participant: string): void {
    this.add({ type: 'left', participant });
    this.onGone(participant);
  }

  private addLayout({ mode, regions }: OutputRoom['layout']): void {
    this.add({ type: 'layout', mode, regions });
  }

  private addParticipant(
    type: 'joined' | 'changed',
    { id: participant, identity, name, mic, camera, screen }: ParticipantInfo,
  ): void {
    this.add({ type, participant, identity, name, mic, camera, screen });
  }
}
