/** The media process and its pool without a process: a test reads commands and gives frames and events. */
import type {
  AudioOutFrame,
  MediaCommand,
  MediaEvent,
  MediaFrame,
  MixSettings,
  SourceId,
  VideoOutFrame,
} from '../../src/link/link-messages.js';
import type { MediaSnapshot } from '../../src/link/media-counters.js';
import type { CompositeCodec } from '../../src/protocol/codec-names.js';
import type { MediaProcessUser } from '../../src/rooms/media-process.js';
import type { ProcessSource, RoomProcess } from '../../src/rooms/media-process-supervisor.js';

export class FakeMediaProcess implements RoomProcess {
  snapshot: MediaSnapshot | undefined;
  readonly queuedBytes = 0;
  readonly commands: MediaCommand[] = [];
  readonly frames: MediaFrame[] = [];
  /** Set it to false for a process that does not keep up. */
  takesFrames = true;
  private user: MediaProcessUser | undefined;

  constructor(readonly pid: number) {}

  use(user: MediaProcessUser): void {
    this.user = user;
  }

  send(command: MediaCommand): void {
    this.commands.push(command);
  }

  sendFrame(frame: MediaFrame): boolean {
    if (this.takesFrames) this.frames.push(frame);
    return this.takesFrames;
  }

  /** Commands of one type, the oldest first. */
  sent<T extends MediaCommand['type']>(type: T): Extract<MediaCommand, { type: T }>[] {
    return this.commands.filter(
      (command): command is Extract<MediaCommand, { type: T }> => command.type === type,
    );
  }

  gives(frame: MediaFrame): void {
    this.user?.onFrame(frame);
  }

  reports(event: MediaEvent): void {
    this.user?.onEvent(event);
  }

  /** @param suspects sources that were in native code. */
  crashes(suspects?: readonly SourceId[]): void {
    this.user?.onCrash('killed by SIGSEGV', suspects);
  }
}

export class FakeMediaPool implements ProcessSource {
  readonly processes: FakeMediaProcess[] = [];
  readonly released: RoomProcess[] = [];
  /** The next processes that cannot be started. */
  failures = 0;

  /** The newest process. */
  get process(): FakeMediaProcess {
    const newest = this.processes.at(-1);
    if (!newest) throw new Error('no process was started');
    return newest;
  }

  async acquire(): Promise<FakeMediaProcess> {
    if (this.failures > 0) {
      this.failures--;
      throw new Error('no process can be started');
    }
    const process = new FakeMediaProcess(1000 + this.processes.length);
    this.processes.push(process);
    return process;
  }

  async release(process: RoomProcess): Promise<void> {
    this.released.push(process);
  }

  readonly working = true;

  async start(): Promise<readonly CompositeCodec[]> {
    return ['vp8', 'h264'];
  }

  /** Answers nothing. */
  async ask(): Promise<undefined> {
    return undefined;
  }

  async close(): Promise<void> {}
}

export const MIX: MixSettings = {
  width: 1280,
  height: 720,
  frameRate: 30,
  renditions: [
    { width: 1280, height: 720, frameRate: 30, bitrateBps: 1_800_000 },
    { width: 640, height: 360, frameRate: 30, bitrateBps: 600_000 },
  ],
  hardware: undefined,
  audioChannels: 1,
  audioBitrateBps: 32_000,
  lowAudioBitrateBps: 12_000,
  fit: 'crop',
  labels: true,
  maxSpeakers: 4,
  levelling: false,
  noiseGate: false,
  stereoPlacement: false,
  pixelRates: { source: 140e6, room: 600e6 },
  loadControl: true,
};

export function videoFrame(part: Partial<VideoOutFrame> = {}): VideoOutFrame {
  return {
    kind: 'video-out',
    codec: 'vp8',
    rendition: 0,
    keyframe: false,
    temporalLayer: 0,
    ptsMicros: 0,
    encodedMicros: 0,
    data: Buffer.alloc(100, 1),
    ...part,
  };
}

export function audioFrame(part: Partial<AudioOutFrame> = {}): AudioOutFrame {
  return {
    kind: 'audio-out',
    low: false,
    lowBegins: false,
    source: 0,
    ptsMicros: 0,
    last: true,
    data: Buffer.alloc(60, 2),
    ...part,
  };
}
