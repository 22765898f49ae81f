/**
 * Entry of a media process: one room's codecs, driven over the link on file descriptor 3. It says
 * `ready` when its codecs are loaded, and `failed` when something breaks that nobody handles. It
 * reads no environment and opens nothing else; when the link ends, so does the process.
 */
import { setFlagsFromString } from 'node:v8';
import { quietFfmpeg } from '../codecs/ffmpeg/log.js';
import type { LinkMessage } from '../link/frame-codec.js';
import { HEARTBEAT_MS } from '../link/hang-detector.js';
import type { MediaCommand, MediaEvent, MediaFrame, MixSettings } from '../link/link-messages.js';
import { openParentLink } from '../link/parent-link.js';
import { probeHardware } from './jobs/hardware-probe.js';
import { sanitizeImage } from './jobs/image-sanitizer.js';
import { warmUp } from './jobs/warm-up.js';
import { mediaSnapshot } from './media-counters.js';
import { REAL_TIME } from './mixer-time.js';
import { NativeCalls } from './native-calls.js';
import { runRoomCommand } from './room-commands.js';
import { RoomMixer } from './room-mixer.js';

const STATS_INTERVAL_MS = 1000;

/**
 * The heap may grow to five times of what is kept before V8 collects garbage. It is told of the
 * memory of pictures too, which comes and goes with every frame: with less, it would collect all the time.
 */
setFlagsFromString('--heap-growing-percent=400');

let room: RoomMixer | undefined;
let statsTimer: NodeJS.Timeout | undefined;

const { link, send, fail } = openParentLink({
  onMessage: (message: LinkMessage) => {
    handle(message as MediaCommand).catch(fail);
  },
  onFrame: (frame: MediaFrame) => {
    if (frame.kind === 'video-in' || frame.kind === 'audio-in') room?.frame(frame);
  },
  onClose: () => {
    clearInterval(statsTimer);
    // Native calls must have ended before the process is torn down.
    (room?.close() ?? Promise.resolve()).finally(() => process.exit(0));
  },
});

async function handle(command: MediaCommand): Promise<void> {
  switch (command.type) {
    case 'configure':
      await configure(command.settings);
      break;
    case 'sanitize':
      send(await sanitize(command));
      break;
    case 'probe':
      send({ type: 'probed', ...(await probeHardware(command.hardware)) });
      break;
    case 'close':
      link.close();
      break;
    default:
      if (room) runRoomCommand(room, command);
  }
}

async function configure(settings: MixSettings): Promise<void> {
  if (room) throw new Error('a media process is configured once');
  const opened = new RoomMixer(
    settings,
    { event: (event) => send(event), frame: (frame) => link.sendFrame(frame) },
    REAL_TIME,
    new NativeCalls(settings.probation === true),
  );
  room = opened;
  await opened.start();
  statsTimer = setInterval(() => sendStats(opened), STATS_INTERVAL_MS);
}

async function sanitize({
  data,
  limits,
}: Extract<MediaCommand, { type: 'sanitize' }>): Promise<MediaEvent> {
  try {
    return { type: 'sanitized', image: await sanitizeImage(Buffer.from(data, 'base64'), limits) };
  } catch (error) {
    return { type: 'refused', message: error instanceof Error ? error.message : String(error) };
  }
}

function sendStats(opened: RoomMixer): void {
  const { userCPUTime, systemCPUTime } = process.resourceUsage();
  send({
    type: 'stats',
    ...mediaSnapshot(opened, {
      cpuMicros: userCPUTime + systemCPUTime,
      rssBytes: process.memoryUsage.rss(),
      linkFramesDropped: link.droppedFrames,
    }),
  });
}

quietFfmpeg();
setInterval(() => send({ type: 'alive' }), HEARTBEAT_MS);
warmUp()
  .then((encoders) => send({ type: 'ready', encoders }))
  .catch(fail);
