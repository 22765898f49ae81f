/**
 * A thread that watches the event loop of the server. When that stands still, it takes the stack of what
 * runs: the debugger interrupts JavaScript in a loop at once, and after a native call as soon as it returns.
 */
import { writeSync } from 'node:fs';
import { type Debugger, type InspectorNotification, Session } from 'node:inspector';
import { workerData } from 'node:worker_threads';
import { ASK_AFTER_MS, SharedBeat, sharedNow } from './event-loop-beat.js';

const LOOK_MS = 200;
/** A loop that stands still for this long may never log anything again: this thread does. */
const TELL_AFTER_MS = 10_000;
const STANDARD_ERROR = 2;
const MAX_FRAMES = 12;
/** A question that was not answered in this time came too late. */
const ANSWER_MS = 60_000;

const shared = new SharedBeat(workerData as SharedArrayBuffer);
let beats = -1;
let aliveAt = performance.now();
let asked = false;
let told = false;

function look(): void {
  const before = shared.workerAt;
  shared.workerAt = sharedNow();
  if (shared.workerAt - before > ASK_AFTER_MS) shared.workerGapAt = shared.workerAt;
  const now = shared.beats;
  if (now !== beats) {
    beats = now;
    aliveAt = performance.now();
    asked = false;
    told = false;
    return;
  }
  const forMs = performance.now() - aliveAt;
  if (!asked && forMs >= ASK_AFTER_MS) {
    asked = true;
    ask();
  }
  if (!told && forMs >= TELL_AFTER_MS) {
    told = true;
    tell(forMs);
  }
}

/** As one line of the log; the logger belongs to the other thread. */
function tell(blockedMs: number): void {
  const line = { level: 60, time: Date.now(), blockedMs: Math.round(blockedMs), ran: shared.ran };
  const msg = 'the event loop still stands still';
  writeSync(STANDARD_ERROR, `${JSON.stringify({ ...line, msg })}\n`);
}

function ask(): void {
  const session = new Session();
  session.connectToMainThread();
  const urls = new Map<string, string>();
  session.on('Debugger.scriptParsed', ({ params }) => urls.set(params.scriptId, params.url));
  const late = setTimeout(() => session.disconnect(), ANSWER_MS);
  session.once(
    'Debugger.paused',
    ({ params }: InspectorNotification<Debugger.PausedEventDataType>) => {
      shared.ran = params.callFrames.slice(0, MAX_FRAMES).map(line).join('\n');
      session.post('Debugger.resume');
      session.post('Debugger.disable', () => {
        clearTimeout(late);
        session.disconnect();
      });
    },
  );
  // Both at once: the loop that runs answers neither before it is interrupted.
  session.post('Debugger.enable');
  session.post('Debugger.pause');

  function line({ functionName, location }: Debugger.CallFrame): string {
    const { scriptId, lineNumber, columnNumber = 0 } = location;
    const where = `${urls.get(scriptId) ?? '?'}:${lineNumber + 1}:${columnNumber + 1}`;
    return `at ${functionName || '(anonymous)'} (${where})`;
  }
}

setInterval(look, LOOK_MS);
