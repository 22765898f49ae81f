/**
 * Entry of an egress process: writes one recording, or sends to one live destination, driven over the
 * link on file descriptor 3. It decides nothing by itself; when the server is gone it ends what it
 * writes, so that nothing of it is lost, and leaves.
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

/** One after the other; frames that come meanwhile are for what is there already. */
function handle(command: EgressCommand): void {
  if (command.type === 'close') {
    tellUsage();
    link.close();
    return;
  }
  queue = queue.then(() => egress.command(command)).catch(fail);
}

function tellUsage(): void {
  const { userCPUTime, systemCPUTime } = process.resourceUsage();
  const cpuMicros = userCPUTime + systemCPUTime;
  const usage: EgressEvent = { type: 'usage', cpuMicros, rssBytes: process.memoryUsage.rss() };
  send(usage);
}

quietFfmpeg();
setInterval(tellUsage, USAGE_MS).unref();
// An operator's Ctrl-C reaches the whole group; the server says when it is over.
process.on('SIGINT', () => {});
send({ type: 'ready' });
