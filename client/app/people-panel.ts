/** The participants of the room, with moderation for hosts. */
import type { ParticipantState, Room } from '../sdk/index.js';

const LAYOUTS = [
  ['grid', 'Grid'],
  ['speaker', 'Speaker'],
  ['presentation', 'Presentation'],
  ['spotlight', 'Spotlight'],
  ['pip', 'Inset'],
] as const;

function button(text: string, onClick: () => void, pressed?: boolean): HTMLButtonElement {
  const made = document.createElement('button');
  made.type = 'button';
  made.textContent = text;
  if (pressed !== undefined) made.setAttribute('aria-pressed', String(pressed));
  made.addEventListener('click', onClick);
  return made;
}

function row(name: string, ...buttons: HTMLButtonElement[]): HTMLLIElement {
  const item = document.createElement('li');
  const label = document.createElement('span');
  label.textContent = name;
  item.append(label, ...buttons);
  return item;
}

const TROUBLES = {
  media_error: 'their media has errors',
  no_keyframes: 'their video comes with losses',
  unsupported: 'their browser sends a format that the server does not take',
  over_budget: 'their video is too large for the room',
  quarantined: 'their video is not shown: it crashed the decoder',
} as const;

function describe(person: ParticipantState, isSelf: boolean): string {
  const { name, role, mic, camera, screen, viewer } = person;
  const words = [
    isSelf ? 'you' : '',
    role === 'participant' ? '' : role,
    viewer || mic ? '' : 'muted',
    viewer || camera ? '' : 'camera off',
    screen ? 'shares a screen' : '',
    person.trouble ? TROUBLES[person.trouble] : '',
    person.captured ? 'captured for diagnosis' : '',
  ].filter(Boolean);
  return words.length > 0 ? `${name} (${words.join(', ')})` : name;
}

export class PeoplePanel {
  constructor(private readonly root: HTMLElement) {}

  show(room: Room | undefined): void {
    this.root.replaceChildren();
    if (!room) return;
    const isHost = room.role === 'host';
    if (isHost) this.root.append(this.roomControls(room), this.layouts(room));
    if (isHost && room.lobby.length > 0) this.root.append(...this.lobby(room));
    const list = document.createElement('ul');
    for (const person of room.participants) list.append(this.person(room, person, isHost));
    this.root.append(list);
  }

  private roomControls(room: Room): HTMLElement {
    const { locked, lobby } = room.settings;
    const controls = document.createElement('p');
    controls.append(
      button(
        locked ? 'Locked' : 'Lock',
        () => room.moderate({ action: 'lock', locked: !locked }),
        locked,
      ),
      button(
        lobby ? 'Lobby on' : 'Lobby',
        () => room.moderate({ action: 'lobby', enabled: !lobby }),
        lobby,
      ),
      button('Mute all', () => room.moderate({ action: 'mute', mic: true })),
    );
    return controls;
  }

  private layouts(room: Room): HTMLElement {
    const line = document.createElement('p');
    for (const [mode, name] of LAYOUTS) {
      const choose = () => room.moderate({ action: 'layout', mode });
      line.append(button(name, choose, room.layout.mode === mode));
    }
    return line;
  }

  private lobby(room: Room): HTMLElement[] {
    const title = document.createElement('h2');
    title.textContent = 'Waiting to come in';
    const list = document.createElement('ul');
    for (const { id, name } of room.lobby) {
      list.append(
        row(
          name,
          button('Let in', () => room.moderate({ action: 'admit', participant: id })),
          button('Send away', () => room.moderate({ action: 'deny', participant: id })),
        ),
      );
    }
    return [title, list];
  }

  private person(room: Room, person: ParticipantState, isHost: boolean): HTMLElement {
    const { id: participant, mic, camera, screen, viewer } = person;
    const isSelf = participant === room.id;
    const buttons: HTMLButtonElement[] = [];
    const { pinned } = room.layout;
    if (isHost && !viewer) {
      const isPinned = pinned.includes(participant);
      const others = pinned.filter((id) => id !== participant);
      const participants = isPinned ? others : [participant, ...others];
      buttons.push(button('Pin', () => room.moderate({ action: 'pin', participants }), isPinned));
    }
    if (isHost && !isSelf) {
      const kind = { mic: true } as const;
      if (!viewer && mic) {
        buttons.push(button('Mute', () => room.moderate({ action: 'mute', participant, ...kind })));
      } else if (!viewer) {
        const ask = () => room.moderate({ action: 'askToUnmute', participant, ...kind });
        buttons.push(button('Ask to unmute', ask));
      }
      if (!viewer && camera) {
        const off = () => room.moderate({ action: 'mute', participant, camera: true });
        buttons.push(button('Camera off', off));
      }
      if (screen) {
        const stop = () => room.moderate({ action: 'mute', participant, screen: true });
        buttons.push(button('Stop sharing', stop));
      }
      if (person.trouble === 'quarantined') {
        const retry = () => room.moderate({ action: 'liftQuarantine', participant });
        buttons.push(button('Try their video again', retry));
      }
      buttons.push(button('Remove', () => room.moderate({ action: 'remove', participant })));
    }
    return row(describe(person, isSelf), ...buttons);
  }
}
