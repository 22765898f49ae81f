/**
 * Entry of an egress process. It writes one recording or sends one live stream, as the server commands
 * over the link on file descriptor 3. When the server is gone it ends its files and exits.
 */
import { quietFfmpeg } from '../codecs/ffmpeg/log.js';
import type { EgressCommand, EgressEvent } from '../link/egress-messages.js';
import type { LinkMessage } from '../link/frame-codec.js';
import type { MediaFrame } from '../link/link-messages.js';
import { openParentLink } from '../link/parent-link.js';
import { nowMicros } from '../util/clock.js';
import { Egress } from './egress.js';

const USAGE_MS = 1000;

const { link, send, fail } = openParentLink({
  onMessage: (message: LinkMessage) => handle(message as EgressCommand),
  onFrame: (frame: MediaFrame) => egress.frame(frame),
  onClose: () => {
    egress.stop(nowMicros()).finally(() => process.exit(0));
  },
});

const egress = new Egress(send);
let queue: Promise<void> = Promise.resolve();

/** Commands are carried out one after the other; frames do not wait for them. */
function handle(command: EgressCommand): void {
  if (command.type === 'close') {
    sendUsage();
    link.close();
    return;
  }
  queue = queue.then(() => egress.command(command)).catch(fail);
}

function sendUsage(): void {
  const { userCPUTime, systemCPUTime } = process.resourceUsage();
  const cpuMicros = userCPUTime + systemCPUTime;
  const usage: EgressEvent = { type: 'usage', cpuMicros, rssBytes: process.memoryUsage.rss() };
  send(usage);
}

quietFfmpeg();
setInterval(sendUsage, USAGE_MS).unref();
// Ctrl-C reaches the whole process group, but the server decides when to end.
process.on('SIGINT', () => {});
send({ type: 'ready' });
