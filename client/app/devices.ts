/** Opens cameras, microphones and screens, lists them, and explains failures to users. */

export interface LocalMedia {
  readonly audioTrack: MediaStreamTrack | undefined;
  readonly videoTrack: MediaStreamTrack | undefined;
  /** Why a track is missing. Empty if none is. */
  readonly message: string;
}

const VIDEO = { width: { ideal: 1280 }, height: { ideal: 720 }, frameRate: { ideal: 30 } } as const;
const AUDIO = { echoCancellation: true, noiseSuppression: true, autoGainControl: true } as const;

function explain(error: unknown, device: string): string {
  switch (error instanceof DOMException ? error.name : '') {
    case 'NotAllowedError':
      return `The browser was not allowed to use the ${device}. Allow it beside the address, then reload.`;
    case 'NotFoundError':
      return `No ${device} was found.`;
    case 'NotReadableError':
      return `The ${device} is in use by another program.`;
    case 'OverconstrainedError':
      return `The chosen ${device} is gone; choose another.`;
    default:
      return `The ${device} cannot be used.`;
  }
}

async function track(
  kind: 'audio' | 'video',
  deviceId: string,
): Promise<{ track: MediaStreamTrack | undefined; message: string }> {
  const exact = deviceId === '' ? {} : { deviceId: { exact: deviceId } };
  try {
    const stream = await navigator.mediaDevices.getUserMedia(
      kind === 'audio' ? { audio: { ...AUDIO, ...exact } } : { video: { ...VIDEO, ...exact } },
    );
    return { track: stream.getTracks()[0], message: '' };
  } catch (error) {
    return {
      track: undefined,
      message: explain(error, kind === 'audio' ? 'microphone' : 'camera'),
    };
  }
}

/** Opens the chosen devices one by one: if one is missing, the other still works. */
export async function openDevices(cameraId: string, micId: string): Promise<LocalMedia> {
  if (!navigator.mediaDevices) {
    const message =
      'Camera and microphone need a secure page: open it by https or on localhost (./scripts/run --lan serves https).';
    return { audioTrack: undefined, videoTrack: undefined, message };
  }
  const [video, audio] = await Promise.all([track('video', cameraId), track('audio', micId)]);
  const message = [video.message, audio.message].filter((text) => text !== '').join(' ');
  return { audioTrack: audio.track, videoTrack: video.track, message };
}

/** Fills a menu with the devices of a kind, and keeps the choice. */
export async function listDevices(kind: MediaDeviceKind, menu: HTMLSelectElement): Promise<void> {
  if (!navigator.mediaDevices) return;
  const devices = (await navigator.mediaDevices.enumerateDevices()).filter(
    (device) => device.kind === kind,
  );
  const chosen = menu.value;
  menu.replaceChildren(
    ...devices.map(
      (device, index) => new Option(device.label || `Device ${index + 1}`, device.deviceId),
    ),
  );
  if (devices.some(({ deviceId }) => deviceId === chosen)) menu.value = chosen;
}

/** Lets the user choose what to share. Undefined if the user cancels. */
export async function openScreen(): Promise<MediaStream | undefined> {
  if (!navigator.mediaDevices?.getDisplayMedia) {
    throw new Error('This browser cannot share a screen; a computer can.');
  }
  try {
    return await navigator.mediaDevices.getDisplayMedia({
      video: { width: { max: 1920 }, height: { max: 1080 }, frameRate: { max: 15 } },
      audio: true,
    });
  } catch (error) {
    if (error instanceof DOMException && error.name === 'NotAllowedError') return undefined;
    throw error;
  }
}
