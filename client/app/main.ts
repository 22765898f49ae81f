/** The page: a lobby with a preview, then the call. */
import './style.css';
import { Room } from '../sdk/room.js';
import { type LocalMedia, listDevices, openDevices } from './devices.js';

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
  tap: element('tap'),
  state: element('state'),
  people: element('people'),
  mic: element('mic'),
  camera: element('camera'),
  leave: element('leave'),
};

const STATE_TEXT = {
  connecting: 'Connecting…',
  connected: '',
  reconnecting: 'Connection lost, reconnecting…',
  failed: 'The call failed',
  left: 'You left',
} as const;

const query = new URLSearchParams(location.search);
let media: LocalMedia = { audioTrack: undefined, videoTrack: undefined, message: '' };
let room: Room | undefined;
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
    // Autoplay with sound is blocked until the person touches the page.
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
    const joined = await Room.connect({
      url: signalUrl(),
      room: page.room.value,
      name: page.name.value,
      viewer: query.has('viewer'),
      audioTrack: media.audioTrack,
      videoTrack: media.videoTrack,
    });
    room = joined;
    Object.assign(window, { tessera: joined });
    joined.on('state', ({ state, reason }) => {
      page.state.textContent = reason ? `${STATE_TEXT[state]}: ${reason}` : STATE_TEXT[state];
      if (state === 'failed') backToLobby(page.state.textContent);
    });
    joined.on('participants', showPeople);
    joined.on('notice', ({ message }) => {
      page.state.textContent = message;
    });
    joined.on('error', ({ message, next }) => {
      page.state.textContent = next ? `${message}. ${next}` : message;
    });
    showPeople();
    page.state.textContent = '';
    await playComposite(joined.stream);
  } catch (error) {
    backToLobby(error instanceof Error ? error.message : String(error));
  }
}

function showPeople(): void {
  const people = room?.participants ?? [];
  page.people.textContent = `${people.length} here: ${people.map(({ name }) => name).join(', ')}`;
}

function backToLobby(message: string): void {
  room = undefined;
  page.call.hidden = true;
  page.lobby.hidden = false;
  page.joinMessage.textContent = message;
}

page.form.addEventListener('submit', (event) => {
  event.preventDefault();
  history.replaceState(null, '', `?${new URLSearchParams({ room: page.room.value })}`);
  join().catch(reportError);
});
page.cameras.addEventListener('change', () => preview().catch(reportError));
page.mics.addEventListener('change', () => preview().catch(reportError));
page.tap.addEventListener('click', () => {
  page.tap.hidden = true;
  page.composite.play().catch(reportError);
});
page.mic.addEventListener('click', () => {
  micOn = !micOn;
  room?.setMicEnabled(micOn);
  showButtons();
});
page.camera.addEventListener('click', () => {
  cameraOn = !cameraOn;
  room?.setCameraEnabled(cameraOn);
  showButtons();
});
page.leave.addEventListener('click', () => {
  room?.leave();
  backToLobby('');
});
addEventListener('pagehide', () => room?.leave());

page.room.value = query.get('room') ?? 'demo';
page.name.value = query.get('name') ?? '';
preview().catch(reportError);
