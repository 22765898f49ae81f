/** What the recorder's process reads: frames of participants, which it writes as they come, and of the composite. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pino } from 'pino';
import type { EgressEvent } from '../../../src/link/egress-messages.js';
import type { MediaFrame } from '../../../src/link/link-messages.js';
import { EgressProcess } from '../../../src/outputs/egress-process.js';
import { nowMicros } from '../../../src/util/clock.js';
import { sleep, waitFor } from '../../../test/support/server.js';
import { mutateBytes } from '../mutate.js';
import type { Random } from '../random.js';
import { depacketized } from '../seeds/frames.js';
import { framePayloads } from '../seeds/media.js';
import { Finding, type FuzzInput, type OpenTarget, type Target } from '../target.js';

const SOURCE = 1;
const FRAMES_PER_MS = 4;

/** One recording of a batch of frames. */
class Recorder implements OpenTarget {
  private process: EgressProcess | undefined;
  private fault: string | undefined;
  private readonly events: EgressEvent[] = [];
  private readonly folder = mkdtempSync(join(tmpdir(), 'tessera-fuzz-'));
  private recordings = 0;
  private begun = 0;
  private sent = 0;

  constructor(private readonly make: (random: Random) => FuzzInput) {}

  next(random: Random): FuzzInput {
    return this.make(random);
  }

  async send(input: FuzzInput): Promise<void> {
    this.process ??= await this.start();
    const at = this.begun + this.sent++ * 20_000;
    this.process.sendFrame(frameOf(input, at, this.sent));
    if (this.sent % FRAMES_PER_MS === 0) await sleep(1);
    if (this.fault !== undefined) throw new Finding(this.fault);
  }

  async settle(): Promise<void> {
    const { process: egress } = this;
    if (!egress) return;
    egress.send({ type: 'stop', at: this.begun + (this.sent + 1) * 20_000 });
    const isOver = () => this.fault ?? this.events.find(({ type }) => type === 'stopped');
    await waitFor('the end of the recording', isOver).catch(() => {
      this.fault = 'the recording does not end';
    });
    await this.close();
    if (this.fault !== undefined) throw new Finding(this.fault);
  }

  async close(): Promise<void> {
    const { process: egress } = this;
    this.process = undefined;
    this.sent = 0;
    await egress?.close();
    rmSync(join(this.folder, `${this.recordings}.webm`), { force: true });
  }

  private async start(): Promise<EgressProcess> {
    this.events.length = 0;
    this.fault = undefined;
    this.recordings++;
    const egress = new EgressProcess(
      pino({ level: 'silent' }),
      {
        onEvent: (event) => {
          if (event.type === 'fault') this.fault = `the recording ended: ${event.message}`;
          this.events.push(event);
        },
        onCrash: (reason) => {
          this.fault = `the recorder's process ended: ${reason}`;
        },
      },
      { closeMs: 5000 },
    );
    this.begun = nowMicros();
    egress.send({
      type: 'record',
      path: join(this.folder, `${this.recordings}.webm`),
      format: 'webm',
      tracksFolder: this.folder,
      video: { codec: 'vp8', width: 320, height: 192 },
      audioChannels: 1,
      audioCodec: 'opus',
      audioBitrateBps: 96_000,
    });
    egress.send({ type: 'source', source: SOURCE, name: 'fuzz' });
    await waitFor('the recorder', () => this.fault ?? this.events.length > 0);
    return egress;
  }
}

/** @param input `how` says of which kind the frame is. */
function frameOf({ how, bytes: data }: FuzzInput, at: number, index: number): MediaFrame {
  const [kind, codec, key] = how.split(' ');
  const times = { captureMicros: at, arrivalMicros: at };
  if (kind === 'audio') {
    const sequence = index & 0xffff;
    const timestamp = (index * 960) >>> 0;
    const flags = { isRepeat: key === 'repeat', isSilent: false };
    return { kind: 'audio-in', source: SOURCE, sequence, timestamp, ...flags, ...times, data };
  }
  const keyframe = key === 'key';
  if (kind === 'composite') {
    const out = {
      rendition: 0,
      keyframe,
      temporalLayer: 0,
      ptsMicros: at,
      encodedMicros: at,
    } as const;
    return { kind: 'video-out', codec: 'vp8', ...out, data };
  }
  return {
    kind: 'video-in',
    source: SOURCE,
    codec: codec === 'h264' ? 'h264' : 'vp8',
    keyframe,
    colourSpace: { matrix: 'bt601', fullRange: false },
    rotation: 0,
    ...times,
    data,
  };
}

async function open(): Promise<Recorder> {
  const frames = depacketized(await framePayloads());
  return new Recorder((random) => {
    if (random.chance(0.3)) {
      const how = random.chance(0.9) ? 'audio opus new' : 'audio opus repeat';
      return { how, bytes: random.bytes(random.length(300) + 1) };
    }
    // The composite is our own: it is whole.
    if (random.chance(0.2)) {
      const { data, keyframe } = random.pick(frames.vp8);
      return { how: `composite vp8 ${keyframe ? 'key' : 'delta'}`, bytes: data };
    }
    const codec = random.pick(['vp8', 'h264'] as const);
    const { data, keyframe } = random.pick(frames[codec]);
    const bytes = random.chance(0.6) ? mutateBytes(random, data) : data;
    return { how: `video ${codec} ${keyframe ? 'key' : 'delta'}`, bytes };
  });
}

export const RECORDER: readonly Target[] = [{ name: 'recorder', from: 'peer', batch: 1000, open }];
