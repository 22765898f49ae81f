/**
 * Entry of a media process: one room's codecs, driven over the link on file descriptor 3. It reads no
 * environment and opens nothing else; when the link ends, so does the process.
 */
import { setFlagsFromString } from 'node:v8';
import { quietFfmpeg } from '../codecs/ffmpeg/log.js';
import type { LinkMessage } from '../link/frame-codec.js';
import type { MediaCommand, MediaEvent, MediaFrame } from '../link/link-messages.js';
import { openParentLink } from '../link/parent-link.js';
import { probeHardware } from './jobs/hardware-probe.js';
import { sanitizeImage } from './jobs/image-sanitizer.js';
import { warmUp } from './jobs/warm-up.js';
import { RoomMixer } from './room-mixer.js';

const STATS_INTERVAL_MS = 1000;

/**
 * V8 counts every picture that it is shown a view of as its own memory, and would collect garbage ten
 * times a second to free what is freed already. What is garbage here is small.
 */
setFlagsFromString('--heap-growing-percent=1000');

let mixer: RoomMixer | undefined;
let statsTimer: NodeJS.Timeout | undefined;

const { link, send, fail } = openParentLink({
  onMessage: (message: LinkMessage) => {
    handle(message as MediaCommand).catch(fail);
  },
  onFrame: (frame: MediaFrame) => {
    if (frame.kind === 'video-in' || frame.kind === 'audio-in') mixer?.frame(frame);
  },
  onClose: () => {
    if (statsTimer) clearInterval(statsTimer);
    // Nothing native may run while the process is torn down: wait for the stages, then leave.
    (mixer?.close() ?? Promise.resolve()).finally(() => process.exit(0));
  },
});

async function handle(command: MediaCommand): Promise<void> {
  switch (command.type) {
    case 'configure':
      if (mixer) throw new Error('a media process is configured once');
      mixer = new RoomMixer(command.settings, {
        event: (event) => send(event),
        frame: (frame) => link.sendFrame(frame),
      });
      await mixer.start();
      statsTimer = setInterval(() => sendStats(), STATS_INTERVAL_MS);
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
      mixer?.command(command);
  }
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

function sendStats(): void {
  const memory = process.memoryUsage();
  const { userCPUTime, systemCPUTime } = process.resourceUsage();
  send({
    type: 'stats',
    counters: {
      ...mixer?.stats(),
      link_frames_dropped: link.droppedFrames,
      rss_bytes: memory.rss,
      cpu_micros: userCPUTime + systemCPUTime,
    },
    sources: mixer?.sourceStats() ?? {},
    stages: mixer?.stageTimes ?? {},
  });
}

quietFfmpeg();
warmUp()
  .then((encoders) => send({ type: 'ready', encoders }))
  .catch(fail);
