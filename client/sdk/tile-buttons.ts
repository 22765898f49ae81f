/**
 * Puts an invisible button over each tile of the composite, so that tiles have names, can be clicked,
 * reached with the keyboard and read out by screen readers.
 */
import type { TileRegion } from '../../src/protocol/layout.js';
import { keyOf, LayoutFollower } from './layout-follower.js';
import { boxOf, contentBox } from './picture-geometry.js';
import type { Room } from './room.js';

export interface TileButtonsOptions {
  /** A tile was clicked, or activated by a key. */
  readonly onActivate?: (region: TileRegion) => void;
  /** Text for screen readers. By default name and state of the participant, in English. */
  readonly describe?: (room: Room, region: TileRegion) => string;
}

function describeTile(room: Room, { participant, source }: TileRegion): string {
  const person = room.participants.find(({ id }) => id === participant);
  if (!person) return '';
  if (source === 'screen_share') return `Screen of ${person.name}`;
  const isPinned = room.layout.pinned.includes(participant);
  const words = [
    person.name,
    participant === room.id ? 'you' : '',
    person.mic ? '' : 'muted',
    person.camera ? '' : 'camera off',
    room.speaking.includes(participant) ? 'speaking' : '',
    isPinned ? 'pinned' : '',
  ];
  return words.filter(Boolean).join(', ');
}

export class TileButtons {
  private readonly buttons = new Map<string, HTMLButtonElement>();
  private readonly follower: LayoutFollower;
  private readonly resized = new ResizeObserver(() => this.place());
  private readonly unsubscribe: (() => void)[];

  /**
   * @param composite shows `room.stream` with `object-fit: contain`.
   * @param container lies over `composite`, at its top left corner. It is filled with buttons.
   */
  constructor(
    private readonly room: Room,
    private readonly composite: HTMLVideoElement,
    private readonly container: HTMLElement,
    private readonly options: TileButtonsOptions = {},
  ) {
    this.follower = new LayoutFollower(room, composite, () => this.place());
    this.resized.observe(composite);
    const name = () => this.name();
    this.unsubscribe = [
      room.on('participants', name),
      room.on('speaking', name),
      room.on('layout', name),
    ];
    this.place();
  }

  stop(): void {
    this.follower.stop();
    this.resized.disconnect();
    for (const end of this.unsubscribe) end();
    this.container.replaceChildren();
    this.buttons.clear();
  }

  private place(): void {
    const content = contentBox(this.composite);
    const here = new Set<string>();
    for (const { region, box } of this.follower.regions) {
      const key = keyOf(region);
      here.add(key);
      const button = this.buttons.get(key) ?? this.addButton(key, region);
      const { x, y, width, height } = boxOf(box, content);
      const style = `left:${x}px;top:${y}px;width:${width}px;height:${height}px;z-index:${region.z}`;
      if (button.dataset.place === style) continue;
      button.dataset.place = style;
      button.style.cssText = `position:absolute;${style}`;
    }
    for (const [key, button] of this.buttons) {
      if (here.has(key)) continue;
      button.remove();
      this.buttons.delete(key);
    }
  }

  private addButton(key: string, region: TileRegion): HTMLButtonElement {
    const button = document.createElement('button');
    button.type = 'button';
    button.className = 'tile';
    button.addEventListener('click', () => this.options.onActivate?.(region));
    this.buttons.set(key, button);
    this.container.append(button);
    this.name();
    return button;
  }

  private name(): void {
    const { describe = describeTile } = this.options;
    for (const { region } of this.follower.regions) {
      const button = this.buttons.get(keyOf(region));
      const text = describe(this.room, region);
      if (button && button.getAttribute('aria-label') !== text) {
        button.setAttribute('aria-label', text);
      }
    }
  }
}
