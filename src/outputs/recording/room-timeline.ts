/** Writes what happens in a room into the timeline of its recording. */
import type { ChatMessage } from '../../rooms/chat.js';
import type { ParticipantInfo } from '../../rooms/participant-info.js';
import type { Room, RoomObserver } from '../../rooms/room.js';
import type { RoomLayout } from '../../rooms/room-layout.js';
import type { Happening, TimelineLog } from './timeline-log.js';

export class RoomTimeline implements RoomObserver {
  /**
   * @param positionMs where the recording is now, in milliseconds.
   * @param onGone hears which participant has left.
   */
  constructor(
    private readonly room: Room,
    private readonly log: TimelineLog,
    private readonly positionMs: () => number,
    private readonly onGone: (participant: string) => void,
  ) {}

  /** Writes who is there and follows the room from now on. */
  follow(): void {
    this.room.observe(this);
    for (const info of this.room.visibleParticipants) this.onJoined(info);
    this.onLayout(this.room.layout);
  }

  stop(): void {
    this.room.stopObserving(this);
  }

  add(happening: Happening): void {
    this.log.add(happening, this.positionMs());
  }

  onJoined(info: ParticipantInfo): void {
    this.addParticipant('joined', info);
  }

  onChanged(info: ParticipantInfo): void {
    this.addParticipant('changed', info);
  }

  onLeft(id: string): void {
    this.add({ type: 'left', participant: id });
    this.onGone(id);
  }

  onSpeaking(participants: readonly string[]): void {
    this.add({ type: 'speaking', participants });
  }

  onLayout({ mode, regions }: RoomLayout): void {
    this.add({ type: 'layout', mode, regions });
  }

  onChat({ from: participant, name, text }: ChatMessage): void {
    this.add({ type: 'chat', participant, name, text });
  }

  private addParticipant(
    type: 'joined' | 'changed',
    { id: participant, identity, name, mic, camera, screen }: ParticipantInfo,
  ): void {
    this.add({ type, participant, identity, name, mic, camera, screen });
  }
}
