/** Images of a room (logo, watermark, background) and avatars of its participants. */
import { TesseraError } from '../errors.js';
import type { SanitizedImage, SourceId } from '../link/link-messages.js';
import { imageNotFound } from './room-settings.js';
import type { UpdateBus } from './update-bus.js';

const MAX_IMAGES = 16;

/** A participant, as far as their avatar needs it. */
export interface AvatarOwner {
  readonly sourceId: SourceId;
  /** Name of the image in the media process. */
  avatar: string | undefined;
}

export class RoomImages {
  private readonly byName = new Map<string, SanitizedImage>();
  private nextAvatar = 1;

  constructor(
    private readonly updates: UpdateBus,
    /** Gives an image to the media process; without data it is removed there. */
    private readonly show: (name: string, data: string | undefined) => void,
    /** Images of a room that goes on after a restart. */
    previous: ReadonlyMap<string, SanitizedImage> = new Map(),
  ) {
    for (const [name, image] of previous) {
      this.byName.set(name, image);
      this.show(`room/${name}`, image.data);
    }
  }

  /** Sizes in pixels. */
  get list(): readonly { name: string; width: number; height: number }[] {
    return [...this.byName].map(([name, { width, height }]) => ({ name, width, height }));
  }

  has(name: string): boolean {
    return this.byName.has(name);
  }

  /** Adds or replaces an image. @throws TesseraError `room_full`. */
  set(name: string, image: SanitizedImage): void {
    if (!this.byName.has(name) && this.byName.size >= MAX_IMAGES) {
      throw new TesseraError('room_full', `a room has at most ${MAX_IMAGES} images`, {
        next: 'Delete one first.',
      });
    }
    this.byName.set(name, image);
    this.show(`room/${name}`, image.data);
    this.updates.publish({ type: 'image', name, image });
    this.updates.publish({ type: 'settings' });
  }

  /** @throws TesseraError `image_not_found`. */
  remove(name: string): void {
    if (!this.byName.delete(name)) throw imageNotFound(name);
    this.show(`room/${name}`, undefined);
    this.updates.publish({ type: 'image', name, image: undefined });
  }

  /**
   * Shows an image in place of initials while the camera is off; undefined removes it.
   * @param changed is called between the new image's arrival and the old one's removal.
   */
  setAvatar(owner: AvatarOwner, image: SanitizedImage | undefined, changed: () => void): void {
    const before = owner.avatar;
    owner.avatar = image && `avatar/${owner.sourceId}/${this.nextAvatar++}`;
    if (owner.avatar) this.show(owner.avatar, image?.data);
    changed();
    if (before) this.show(before, undefined);
  }

  /** Frees the avatar of somebody who left. */
  forget({ avatar }: AvatarOwner): void {
    if (avatar) this.show(avatar, undefined);
  }
}
