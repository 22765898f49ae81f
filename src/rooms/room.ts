/** One room: who is in it, and the pipeline that makes its picture and sound. */
import { TesseraError } from '../errors.js';
import type { MixSettings, SourceId } from '../link/link-messages.js';
import type { Logger } from '../logger.js';
import type { PeerTransportOptions } from '../peer/peer-transport.js';
import type { Micros, VideoCodec } from '../shared/units.js';
import type { MediaPool } from './media-pool.js';
import { type ConnectionState, Participant } from './participant.js';
import { RoomPipeline } from './room-pipeline.js';

export interface RoomOptions {
  readonly mix: MixSettings;
  readonly transport: PeerTransportOptions;
  readonly videoCodecs: readonly VideoCodec[];
  /** Participants at most; beyond, joining is refused. */
  readonly maxParticipants: number;
}

/** What everybody in a room may know of one participant. */
export interface ParticipantInfo {
  readonly id: string;
  readonly name: string;
  readonly viewer: boolean;
  readonly mic: boolean;
  readonly camera: boolean;
  readonly connected: boolean;
}

/** Whoever speaks for a participant: a signalling session, or an API. */
export interface ParticipantListener {
  onJoined(info: ParticipantInfo): void;
  onLeft(id: string): void;
  onChanged(info: ParticipantInfo): void;
  onSpeaking(ids: readonly string[]): void;
  onError(error: TesseraError): void;
  onCandidate(candidate: string): void;
  onConnectionState(state: ConnectionState): void;
}

export function participantInfo(participant: Participant): ParticipantInfo {
  const { id, name, viewer, micOn, cameraOn, connectionState } = participant;
  const connected = connectionState === 'connected';
  return { id, name, viewer, mic: micOn, camera: cameraOn, connected };
}

export class Room {
  private readonly members = new Map<
    string,
    { participant: Participant; listener: ParticipantListener }
  >();
  private readonly pipeline: RoomPipeline;
  private nextSourceId: SourceId = 1;
  private speakingIds: readonly string[] = [];
  private closed = false;

  constructor(
    readonly id: string,
    private readonly options: RoomOptions,
    pool: MediaPool,
    private readonly logger: Logger,
    private readonly onEmpty: () => void,
  ) {
    this.pipeline = new RoomPipeline(options.mix, pool, logger, {
      onSpeaking: (sources) => this.announceSpeaking(sources),
      onCorrupt: (source, media) => this.logger.debug({ source, media }, 'corrupt bitstream'),
    });
  }

  get size(): number {
    return this.members.size;
  }

  get participants(): readonly Participant[] {
    return [...this.members.values()].map(({ participant }) => participant);
  }

  get mediaPid(): number | undefined {
    return this.pipeline.mediaPid;
  }

  /** Counters of the pipeline and its media process. */
  get counters(): Record<string, number> {
    return { ...this.pipeline.mediaCounters, ...this.pipeline.counters };
  }

  /** Starts the room's media process; resolves when the room is ready for media. */
  start(): Promise<void> {
    return this.pipeline.start();
  }

  join(name: string, viewer: boolean, listener: ParticipantListener): Participant {
    if (this.closed) throw new TesseraError('shutting_down', 'the room is closing');
    if (this.members.size >= this.options.maxParticipants) {
      throw new TesseraError(
        'room_full',
        `the room has ${this.options.maxParticipants} participants`,
        {
          next: 'Try again later, or raise room.maxParticipants.',
        },
      );
    }
    const participant = new Participant(
      {
        name,
        viewer,
        sourceId: this.nextSourceId++,
        transport: this.options.transport,
        videoCodecs: this.options.videoCodecs,
        renditions: this.options.mix.renditions,
      },
      this.pipeline,
      {
        onChanged: () => this.changed(participant),
        onError: (error) => this.members.get(participant.id)?.listener.onError(error),
        onCandidate: (candidate) =>
          this.members.get(participant.id)?.listener.onCandidate(candidate),
        onConnectionState: (state) =>
          this.members.get(participant.id)?.listener.onConnectionState(state),
      },
      this.logger,
    );
    const info = participantInfo(participant);
    for (const { listener: other } of this.members.values()) other.onJoined(info);
    this.members.set(participant.id, { participant, listener });
    this.pipeline.update(this.participants);
    this.logger.info(
      { participant: participant.id, viewer, size: this.size },
      'participant joined',
    );
    return participant;
  }

  /** Hands a participant's events to another listener (a resumed session). */
  setListener(id: string, listener: ParticipantListener): void {
    const member = this.members.get(id);
    if (member) this.members.set(id, { ...member, listener });
  }

  async leave(id: string): Promise<void> {
    const member = this.members.get(id);
    if (!member) return;
    this.members.delete(id);
    // The tile and the voice go first; closing the connection may take its time.
    this.pipeline.update(this.participants);
    for (const { listener } of this.members.values()) listener.onLeft(id);
    this.logger.info({ participant: id, size: this.size }, 'participant left');
    if (this.members.size === 0) this.onEmpty();
    await member.participant.close();
  }

  /** Called every few tens of milliseconds. */
  tick(now: Micros): void {
    for (const { participant } of this.members.values()) {
      participant.guarding(() => participant.tick(now));
    }
  }

  async close(): Promise<void> {
    if (this.closed) return;
    this.closed = true;
    await Promise.all([...this.members.keys()].map((id) => this.leave(id)));
    await this.pipeline.close();
  }

  private changed(participant: Participant): void {
    if (!this.members.has(participant.id)) return;
    this.pipeline.update(this.participants);
    const info = participantInfo(participant);
    for (const { listener } of this.members.values()) listener.onChanged(info);
  }

  private announceSpeaking(sources: readonly SourceId[]): void {
    const ids = this.participants
      .filter(({ sourceId }) => sources.includes(sourceId))
      .map(({ id }) => id);
    if (ids.join() === this.speakingIds.join()) return;
    this.speakingIds = ids;
    for (const { listener } of this.members.values()) listener.onSpeaking(ids);
  }
}
