/** When a room ends by itself: some time after it became empty, or after its longest duration. */
import { TesseraError } from '../errors.js';
import type { Room } from './room.js';

/** The longest timer that Node has; longer ones are continued. */
const MAX_TIMER_MS = 2 ** 31 - 1;

/** A room, as far as its lifetime needs it. */
export type MortalRoom = Pick<Room, 'createdAt' | 'updates'> & {
  readonly settings: Pick<Room['settings'], 'emptySeconds' | 'maxSeconds'>;
  readonly membership: Pick<Room['membership'], 'inUse'>;
};

export class RoomLifetime {
  private emptyTimer: NodeJS.Timeout | undefined;
  private endTimer: NodeJS.Timeout | undefined;
  private readonly unfollow: () => void;

  /** @param end ends the room; called at most once by each timer. */
  constructor(
    private readonly room: MortalRoom,
    private readonly end: (reason?: TesseraError) => void,
  ) {
    this.limit();
    this.unfollow = room.updates.follow(({ type }) => {
      if (type === 'settings') {
        this.limit();
        if (!room.membership.inUse) this.endWhenEmpty();
      }
      if (type === 'empty') this.endWhenEmpty();
    });
  }

  /** Ends the room after this time if nobody is in it then. */
  endWhenEmpty(afterMs = this.room.settings.emptySeconds * 1000): void {
    clearTimeout(this.emptyTimer);
    this.emptyTimer = setTimeout(() => {
      if (!this.room.membership.inUse) this.end();
    }, afterMs);
  }

  /** Idempotent. */
  stop(): void {
    this.unfollow();
    clearTimeout(this.emptyTimer);
    clearTimeout(this.endTimer);
  }

  private limit(): void {
    clearTimeout(this.endTimer);
    const { createdAt, settings } = this.room;
    if (settings.maxSeconds === 0) return;
    const left = createdAt + settings.maxSeconds * 1000 - Date.now();
    this.endTimer = setTimeout(
      () => {
        if (left > MAX_TIMER_MS) this.limit();
        else this.end(new TesseraError('room_ended', "the room's time is over"));
      },
      Math.min(Math.max(0, left), MAX_TIMER_MS),
    );
  }
}
