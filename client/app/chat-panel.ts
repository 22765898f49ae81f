/** The chat: messages, and a line to write. */
import type { ChatState, Room } from '../sdk/index.js';

const TIME = new Intl.DateTimeFormat(undefined, { hour: '2-digit', minute: '2-digit' });

export class ChatPanel {
  private room: Room | undefined;
  private unread = 0;
  private readonly shown = new Set<string>();

  /** @param onUnread gets the number of messages that came while the panel was closed. */
  constructor(
    private readonly panel: HTMLElement,
    private readonly list: HTMLElement,
    form: HTMLFormElement,
    private readonly line: HTMLInputElement,
    private readonly onUnread: (count: number) => void,
  ) {
    form.addEventListener('submit', (event) => {
      event.preventDefault();
      const text = line.value.trim();
      if (text === '' || !this.room) return;
      this.room.sendChat(text);
      line.value = '';
    });
  }

  follow(room: Room): void {
    this.room = room;
    this.clear();
    room.on('chat', (message) => this.add(message));
    room.on('history', (messages) => {
      this.clear();
      for (const message of messages) this.add(message);
    });
  }

  toggle(open = this.panel.hidden): void {
    this.panel.hidden = !open;
    if (!open) return;
    this.setUnread(0);
    this.line.focus();
    this.list.scrollTop = this.list.scrollHeight;
  }

  private clear(): void {
    this.list.replaceChildren();
    this.shown.clear();
    this.setUnread(0);
  }

  private add({ id, from, name, text, time }: ChatState): void {
    if (this.shown.has(id)) return;
    this.shown.add(id);
    const item = document.createElement('li');
    const head = document.createElement('b');
    head.textContent = from === this.room?.id ? 'You' : name;
    const at = document.createElement('time');
    at.dateTime = new Date(time).toISOString();
    at.textContent = TIME.format(time);
    const body = document.createElement('p');
    body.textContent = text;
    item.append(head, at, body);
    this.list.append(item);
    this.list.scrollTop = this.list.scrollHeight;
    if (this.panel.hidden && from !== this.room?.id) this.setUnread(this.unread + 1);
  }

  private setUnread(count: number): void {
    this.unread = count;
    this.onUnread(count);
  }
}
