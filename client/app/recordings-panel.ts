/** The room's recordings: start and stop one; play, download and delete the others. */
import { isOver } from '../../src/protocol/recording-status.js';
import type { RecordingInfo, Room, RoomRecordings } from '../sdk/index.js';

/** How often the list is read while the panel is open. */
const REFRESH_MS = 2000;

function button(text: string, onClick: () => void, danger = false): HTMLButtonElement {
  const made = document.createElement('button');
  made.type = 'button';
  made.textContent = text;
  if (danger) made.className = 'danger';
  made.addEventListener('click', onClick);
  return made;
}

/** A duration as `1:02:03` or `2:03`. */
export function clockText(ms: number): string {
  const seconds = Math.round(ms / 1000);
  const parts = [Math.floor(seconds / 3600), Math.floor(seconds / 60) % 60, seconds % 60];
  const shown = parts[0] === 0 ? parts.slice(1) : parts;
  return shown.map((part, at) => (at === 0 ? part : String(part).padStart(2, '0'))).join(':');
}

function sizeText(bytes: number): string {
  return bytes < 1e6 ? `${Math.ceil(bytes / 1000)} kB` : `${(bytes / 1e6).toFixed(1)} MB`;
}

const STATUS_TEXT: Partial<Record<RecordingInfo['status'], string>> = {
  starting: 'being recorded',
  recording: 'being recorded',
  paused: 'paused',
  finishing: 'being finished…',
};

export class RecordingsPanel {
  private room: Room | undefined;
  private timer: ReturnType<typeof setTimeout> | undefined;
  private shown = '';

  constructor(
    private readonly root: HTMLElement,
    private readonly badge: HTMLElement,
    private readonly onError: (message: string) => void,
  ) {}

  follow(room: Room): void {
    this.room = room;
    room.on('settings', () => this.changed());
    this.changed();
  }

  toggle(): void {
    this.root.hidden = !this.root.hidden;
    this.refresh();
  }

  stop(): void {
    this.room = undefined;
    clearTimeout(this.timer);
    this.root.hidden = true;
    this.badge.hidden = true;
    this.root.replaceChildren();
    this.shown = '';
  }

  /** Shows everybody that the room is recorded or live. */
  private changed(): void {
    const { recording, live } = this.room?.settings ?? { recording: 'off', live: false };
    const words = [
      recording === 'on' ? 'Recording' : recording === 'paused' ? 'Recording paused' : '',
      live ? 'Live' : '',
    ].filter(Boolean);
    this.badge.hidden = words.length === 0;
    this.badge.textContent = words.join(' · ');
    this.badge.classList.toggle('paused', recording === 'paused' && !live);
    this.refresh();
  }

  private refresh(): void {
    clearTimeout(this.timer);
    const { room } = this;
    if (!room || this.root.hidden) return;
    this.load(room.recordings)
      .catch((error: Error) => this.onError(error.message))
      .finally(() => {
        if (this.room === room) this.timer = setTimeout(() => this.refresh(), REFRESH_MS);
      });
  }

  private async load(recordings: RoomRecordings): Promise<void> {
    if (!(await recordings.mayRead())) {
      this.root.textContent = 'Only hosts see the recordings of this room.';
      return;
    }
    const [list, writes] = await Promise.all([recordings.list(), recordings.mayWrite()]);
    const key = JSON.stringify([list.map(({ id, status, files }) => [id, status, files]), writes]);
    if (key === this.shown) return;
    this.shown = key;
    const heading = document.createElement('h2');
    heading.textContent = 'Recordings';
    const items = document.createElement('ul');
    for (const recording of list) items.append(await this.item(recordings, recording, writes));
    const active = list.find((recording) => !isOver(recording));
    this.root.replaceChildren(
      heading,
      ...(writes ? [this.controls(recordings, active)] : []),
      list.length > 0 ? items : document.createTextNode('There are none yet.'),
    );
  }

  private controls(recordings: RoomRecordings, active: RecordingInfo | undefined): HTMLElement {
    const line = document.createElement('p');
    const act = (work: () => Promise<unknown>) => () => {
      work()
        .catch((error: Error) => this.onError(error.message))
        .finally(() => this.refresh());
    };
    if (!active) {
      line.append(
        button(
          'Record',
          act(() => recordings.start()),
        ),
      );
      return line;
    }
    const { id, status } = active;
    if (status === 'paused')
      line.append(
        button(
          'Resume',
          act(() => recordings.resume(id)),
        ),
      );
    if (status === 'recording')
      line.append(
        button(
          'Pause',
          act(() => recordings.pause(id)),
        ),
      );
    if (status !== 'finishing') {
      line.append(
        button(
          'Stop recording',
          act(() => recordings.stop(id)),
          true,
        ),
      );
    }
    return line;
  }

  private async item(
    recordings: RoomRecordings,
    recording: RecordingInfo,
    writes: boolean,
  ): Promise<HTMLElement> {
    const { id, startedAt, durationMs, bytes, status, error, files } = recording;
    const item = document.createElement('li');
    const about = document.createElement('span');
    const when = new Date(startedAt).toLocaleString();
    const what = isOver(recording)
      ? `${clockText(durationMs)}, ${sizeText(bytes)}`
      : (STATUS_TEXT[status] ?? '');
    about.textContent = `${when} · ${what}${error ? ` · ${error.message}` : ''}`;
    const [main] = files;
    if (!main || !isOver(recording)) {
      item.append(about);
      return item;
    }
    const sound = /\.(ogg|m4a)$/.test(main.name);
    const player = document.createElement(sound ? 'audio' : 'video');
    player.controls = true;
    player.preload = 'none';
    player.src = await recordings.urlOf(id, main.name);
    if (player instanceof HTMLVideoElement && files.some(({ name }) => name === 'poster.jpg')) {
      player.poster = await recordings.urlOf(id, 'poster.jpg');
    }
    const download = document.createElement('a');
    download.textContent = 'Download';
    download.href = await recordings.urlOf(id, main.name, true);
    download.download = '';
    item.append(player, about, download);
    if (writes) item.append(this.deleteButton(recordings, id));
    return item;
  }

  private deleteButton(recordings: RoomRecordings, id: string): HTMLButtonElement {
    const remove = button(
      'Delete',
      () => {
        // Deleting cannot be undone: the button asks once more.
        if (remove.textContent === 'Delete') {
          remove.textContent = 'Really delete?';
          return;
        }
        recordings
          .delete(id)
          .catch((error: Error) => this.onError(error.message))
          .finally(() => this.refresh());
      },
      true,
    );
    return remove;
  }
}
