/** The page: a lobby with a preview, then the call. */
import './style.css';
import {
  type MediaKinds,
  OwnTile,
  ReceiveLimiter,
  Room,
  TileButtons,
  type TileRegion,
} from '../sdk/index.js';
import { ChatPanel } from './chat-panel.js';
import { type LocalMedia, listDevices, openDevices, openScreen } from './devices.js';
import { PeoplePanel } from './people-panel.js';
import { RecordingsPanel } from './recordings-panel.js';

function element<T extends HTMLElement>(id: string): T {
  const found = document.getElementById(id);
  if (!found) throw new Error(`the page has no #${id}`);
  return found as T;
}

const page = {
  lobby: element('lobby'),
  call: element('call'),
  form: element<HTMLFormElement>('join'),
  preview: element<HTMLVideoElement>('preview'),
  name: element<HTMLInputElement>('name'),
  room: element<HTMLInputElement>('room'),
  cameras: element<HTMLSelectElement>('cameras'),
  mics: element<HTMLSelectElement>('mics'),
  deviceMessage: element('device-message'),
  joinMessage: element('join-message'),
  composite: element<HTMLVideoElement>('composite'),
  ownTile: element<HTMLVideoElement>('own-tile'),
  tiles: element('tiles'),
  tap: element('tap'),
  state: element('state'),
  people: element('people'),
  mic: element('mic'),
  camera: element('camera'),
  screen: element('screen'),
  leave: element('leave'),
  saver: element('saver'),
  panel: element('panel'),
  panelButton: element('panel-button'),
  rec: element('rec'),
  recordings: element('recordings'),
  recordingsButton: element('recordings-button'),
  chat: element('chat'),
  chatList: element('chat-list'),
  chatForm: element<HTMLFormElement>('chat-form'),
  chatLine: element<HTMLInputElement>('chat-line'),
  chatButton: element('chat-button'),
  ask: element('ask'),
  askText: element('ask-text'),
  askYes: element('ask-yes'),
  askNo: element('ask-no'),
};

const STATE_TEXT = {
  connecting: 'Connecting…',
  waiting: 'You are in the lobby: a host will let you in.',
  connected: '',
  reconnecting: 'Connection lost, reconnecting…',
  failed: 'The call failed',
  left: 'You left',
} as const;

/** Shown for renditions that are worse than users expect. */
const RENDITION_TEXT: Record<string, string> = {
  lifeline: 'The connection is slow: a picture every few seconds',
  audio: 'Sound only',
};

const query = new URLSearchParams(location.search);
let media: LocalMedia = { audioTrack: undefined, videoTrack: undefined, message: '' };
/** The token is after `#`, which browsers do not send: it stays out of server logs. */
const token = new URLSearchParams(location.hash.slice(1)).get('token') ?? undefined;
const panel = new PeoplePanel(page.panel);
const chat = new ChatPanel(page.chat, page.chatList, page.chatForm, page.chatLine, (unread) => {
  page.chatButton.textContent = unread > 0 ? `Chat (${unread})` : 'Chat';
});
const recordings = new RecordingsPanel(page.recordings, page.rec, (message) => {
  page.state.textContent = message;
});
let room: Room | undefined;
let ownTile: OwnTile | undefined;
let tiles: TileButtons | undefined;
let limiter: ReceiveLimiter | undefined;
let saving = false;
let micOn = true;
let cameraOn = true;

async function preview(): Promise<void> {
  media.audioTrack?.stop();
  media.videoTrack?.stop();
  media = await openDevices(page.cameras.value, page.mics.value);
  page.deviceMessage.textContent = media.message;
  page.preview.srcObject = media.videoTrack ? new MediaStream([media.videoTrack]) : null;
  await Promise.all([
    listDevices('videoinput', page.cameras),
    listDevices('audioinput', page.mics),
  ]);
}

function signalUrl(): string {
  const url = new URL('signal', location.href);
  url.protocol = location.protocol === 'https:' ? 'wss:' : 'ws:';
  url.search = '';
  return url.href;
}

async function playComposite(stream: MediaStream): Promise<void> {
  page.composite.srcObject = stream;
  try {
    await page.composite.play();
  } catch {
    // Browsers block autoplay with sound until the user touches the page.
    page.tap.hidden = false;
  }
}

function showButtons(): void {
  page.mic.setAttribute('aria-pressed', String(micOn));
  page.mic.textContent = micOn ? 'Mic on' : 'Mic off';
  page.camera.setAttribute('aria-pressed', String(cameraOn));
  page.camera.textContent = cameraOn ? 'Camera on' : 'Camera off';
  page.mic.toggleAttribute('disabled', media.audioTrack === undefined);
  page.camera.toggleAttribute('disabled', media.videoTrack === undefined);
}

async function join(): Promise<void> {
  page.joinMessage.textContent = '';
  page.lobby.hidden = true;
  page.call.hidden = false;
  page.state.textContent = STATE_TEXT.connecting;
  micOn = media.audioTrack !== undefined;
  cameraOn = media.videoTrack !== undefined;
  for (const track of [media.audioTrack, media.videoTrack]) if (track) track.enabled = true;
  showButtons();
  try {
    const joined = await Room.connect(
      {
        url: signalUrl(),
        room: page.room.value,
        name: page.name.value,
        token,
        viewer: query.has('viewer'),
        audioTrack: media.audioTrack,
        videoTrack: media.videoTrack,
      },
      follow,
    );
    Object.assign(window, { tessera: joined });
    showPeople();
    page.state.textContent = '';
    ownTile = new OwnTile(joined, page.composite, page.ownTile);
    tiles = new TileButtons(joined, page.composite, page.tiles, { onActivate: togglePin });
    limiter = new ReceiveLimiter(joined, page.composite);
    limiter.dataSaver = saving;
    await playComposite(joined.stream);
  } catch (error) {
    backToLobby(error instanceof Error ? error.message : String(error));
  }
}

/** Shows the events of a call on the page. */
function follow(joined: Room): void {
  room = joined;
  chat.follow(joined);
  recordings.follow(joined);
  joined.on('state', ({ state, reason }) => {
    page.state.textContent = reason ? `${STATE_TEXT[state]}: ${reason}` : STATE_TEXT[state];
    if (state === 'failed') backToLobby(page.state.textContent);
  });
  joined.on('participants', showPeople);
  joined.on('settings', showPeople);
  joined.on('layout', showPeople);
  joined.on('lobby', () => {
    if (joined.lobby.length > 0) page.panel.hidden = false;
    showPeople();
  });
  joined.on('muted', (kinds) => {
    if (kinds.mic) micOn = false;
    if (kinds.camera) cameraOn = false;
    page.state.textContent = `A host switched your ${words(kinds)} off.`;
    showButtons();
  });
  joined.on('screen', ({ sharing }) => {
    page.screen.setAttribute('aria-pressed', String(sharing));
    page.screen.textContent = sharing ? 'Stop sharing' : 'Share screen';
  });
  joined.on('rendition', (rendition) => {
    page.state.textContent = RENDITION_TEXT[rendition] ?? '';
  });
  joined.on('unmuteAsked', askToUnmute);
  joined.on('notice', ({ message }) => {
    page.state.textContent = message;
  });
  joined.on('error', ({ message, next }) => {
    page.state.textContent = next ? `${message}. ${next}` : message;
  });
}

/** Pins the tile, or unpins it. */
function togglePin({ participant, source }: TileRegion): void {
  if (room?.role !== 'host') return;
  const pin = source === 'screen_share' ? `${participant}:screen` : participant;
  const { pinned } = room.layout;
  const others = pinned.filter((id) => id !== pin);
  const participants = pinned.includes(pin) ? others : [pin, ...others];
  room.moderate({ action: 'pin', participants });
}

function words({ mic, camera, screen }: MediaKinds): string {
  const kinds = [mic ? 'microphone' : '', camera ? 'camera' : '', screen ? 'shared screen' : ''];
  return kinds.filter(Boolean).join(' and ');
}

/** Switches media on only after a click of the user. */
function askToUnmute(kinds: MediaKinds): void {
  page.askText.textContent = `A host asks you to switch your ${words(kinds)} on.`;
  page.ask.hidden = false;
  page.askYes.onclick = () => {
    page.ask.hidden = true;
    if (kinds.mic) setMic(true);
    if (kinds.camera) setCamera(true);
  };
}

function setMic(on: boolean): void {
  micOn = on;
  room?.setMicEnabled(on);
  showButtons();
}

function setCamera(on: boolean): void {
  cameraOn = on;
  room?.setCameraEnabled(on);
  showButtons();
}

async function toggleScreen(): Promise<void> {
  if (!room) return;
  if (room.sharesScreen) {
    room.stopScreenShare();
    return;
  }
  const stream = await openScreen();
  if (stream) await room.shareScreen(stream);
}

function showPeople(): void {
  const people = room?.participants ?? [];
  page.people.textContent = `${people.length} here: ${people.map(({ name }) => name).join(', ')}`;
  panel.show(room);
}

function backToLobby(message: string): void {
  room = undefined;
  ownTile?.stop();
  ownTile = undefined;
  tiles?.stop();
  tiles = undefined;
  limiter?.stop();
  limiter = undefined;
  recordings.stop();
  page.chat.hidden = true;
  page.panel.hidden = true;
  page.ask.hidden = true;
  page.call.hidden = true;
  page.lobby.hidden = false;
  page.joinMessage.textContent = message;
}

page.form.addEventListener('submit', (event) => {
  event.preventDefault();
  history.replaceState(
    null,
    '',
    `?${new URLSearchParams({ room: page.room.value })}${location.hash}`,
  );
  join().catch(reportError);
});
page.cameras.addEventListener('change', () => preview().catch(reportError));
page.mics.addEventListener('change', () => preview().catch(reportError));
page.tap.addEventListener('click', () => {
  page.tap.hidden = true;
  page.composite.play().catch(reportError);
});
page.mic.addEventListener('click', () => setMic(!micOn));
page.camera.addEventListener('click', () => setCamera(!cameraOn));
page.screen.addEventListener('click', () => toggleScreen().catch(reportError));
page.saver.addEventListener('click', () => {
  saving = !saving;
  if (limiter) limiter.dataSaver = saving;
  page.saver.setAttribute('aria-pressed', String(saving));
});
page.recordingsButton.addEventListener('click', () => recordings.toggle());
page.chatButton.addEventListener('click', () => chat.toggle());
page.panelButton.addEventListener('click', () => {
  page.panel.hidden = !page.panel.hidden;
});
page.askNo.addEventListener('click', () => {
  page.ask.hidden = true;
});
page.leave.addEventListener('click', () => {
  room?.leave();
  backToLobby('');
});
addEventListener('pagehide', () => room?.leave());

// Browsers on phones cannot share a screen.
page.screen.hidden = !navigator.mediaDevices || !('getDisplayMedia' in navigator.mediaDevices);
page.room.value = query.get('room') ?? 'demo';
page.name.value = query.get('name') ?? '';
preview().catch(reportError);
