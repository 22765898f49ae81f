/** Egress processes and rooms without media, for unit tests of outputs. */
import type { EgressCommand, EgressEvent } from '../../src/link/egress-messages.js';
import type { MediaFrame, MixSettings } from '../../src/link/link-messages.js';
import type { Logger } from '../../src/logger.js';
import type { EgressProcessEvents } from '../../src/outputs/egress-process.js';
import type { EgressHandle, EgressLauncher } from '../../src/outputs/egress-processes.js';
import type { OutputRoom } from '../../src/outputs/output-room.js';
import type { MediaOutput } from '../../src/rooms/media-output.js';
import type { EgressState } from '../../src/rooms/room.js';
import type { RoomSettings } from '../../src/rooms/room-settings.js';
import type { RoomUpdate } from '../../src/rooms/room-update.js';
import { UpdateBus } from '../../src/rooms/update-bus.js';
import { silentLogger } from './members.js';

export const PROGRESS: EgressEvent = {
  type: 'progress',
  bytes: 1000,
  durationMicros: 2_000_000,
  counters: {
    video_before_keyframe: 0,
    audio_packets_filled: 0,
    audio_packets_left_out: 0,
    frames_not_written: 0,
  },
};

export class FakeProcess implements EgressHandle {
  readonly commands: EgressCommand[] = [];
  readonly frames: MediaFrame[] = [];
  takesFrames = true;
  closed = 0;

  constructor(
    readonly pid: number,
    private readonly events: EgressProcessEvents,
    private readonly answer: (command: EgressCommand) => EgressEvent | undefined,
  ) {}

  send(command: EgressCommand): void {
    this.commands.push(command);
    const event = this.answer(command);
    if (event) queueMicrotask(() => this.emit(event));
  }

  sendFrame(frame: MediaFrame): boolean {
    if (this.takesFrames) this.frames.push(frame);
    return this.takesFrames;
  }

  async close(): Promise<void> {
    this.closed++;
  }

  emit(event: EgressEvent): void {
    this.events.onEvent(event);
  }

  crash(): void {
    this.events.onCrash('killed by SIGKILL');
  }
}

export class FakeLauncher implements EgressLauncher {
  readonly processes: FakeProcess[] = [];

  /** @param answer gives the event that answers a command, if any. */
  constructor(
    private readonly answer: (command: EgressCommand) => EgressEvent | undefined = () => undefined,
  ) {}

  launch(_logger: Logger, events: EgressProcessEvents): EgressHandle {
    const process = new FakeProcess(this.processes.length + 1, events, this.answer);
    this.processes.push(process);
    return process;
  }

  /** The latest process. */
  get latest(): FakeProcess {
    const process = this.processes.at(-1);
    if (!process) throw new Error('no process was started');
    return process;
  }
}

const MIX: MixSettings = {
  width: 1280,
  height: 720,
  frameRate: 30,
  renditions: [{ width: 1280, height: 720, frameRate: 30, bitrateBps: 2_000_000 }],
  hardware: undefined,
  audioChannels: 2,
  audioBitrateBps: 64_000,
  lowAudioBitrateBps: 16_000,
  fit: 'crop',
  labels: true,
  maxSpeakers: 3,
  levelling: true,
  noiseGate: true,
  stereoPlacement: false,
  pixelRates: { source: 140e6, room: 600e6 },
  loadControl: true,
};

export class FakeRoom implements OutputRoom {
  readonly id: string;
  readonly mix = MIX;
  readonly videoCodecs = ['vp8', 'h264'] as const;
  readonly updates = new UpdateBus(silentLogger);
  readonly participants = [];
  readonly visibleParticipants = [];
  readonly outputs = new Set<MediaOutput>();
  readonly published: RoomUpdate[] = [];
  readonly announced: string[] = [];
  settings = {} as RoomSettings;
  egress: EgressState = { recording: 'off', live: false };
  keyframes = 0;

  constructor(readonly sid: string) {
    this.id = `room-${sid}`;
    this.updates.follow((update) => this.published.push(update));
  }

  get layout(): OutputRoom['layout'] {
    return { mode: 'grid', regions: [] } as unknown as OutputRoom['layout'];
  }

  async start(): Promise<void> {}

  setEgress(state: EgressState): void {
    this.egress = state;
  }

  announce(text: string): void {
    this.announced.push(text);
  }

  addOutput(output: MediaOutput): void {
    this.outputs.add(output);
  }

  removeOutput(output: MediaOutput): void {
    this.outputs.delete(output);
  }

  ownRendition: OutputRoom['ownRendition'] = (codec, own) => ({ codec, rendition: 1, own });

  requestKeyframe(): void {
    this.keyframes++;
  }

  requestSourceKeyframe(): void {}

  /** Closes the room. */
  end(): void {
    this.updates.publish({ type: 'ended' });
  }
}
