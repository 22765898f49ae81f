/** What an egress process does: it joins the stages for one recording or one live stream. */
import type { MuxedTrack } from '../codecs/ffmpeg/muxer.js';
import type {
  CompositeTracks,
  Continuation,
  EgressCommand,
  EgressEvent,
  FaultEvent,
  FinishCommand,
  FinishedEvent,
  RecordCommand,
  StreamCommand,
} from '../link/egress-messages.js';
import type { MediaFrame, SourceId } from '../link/link-messages.js';
import type { Micros } from '../util/units.js';
import { CompositeWriter, type PacketSink } from './composite-writer.js';
import { finish } from './finisher.js';
import { type FileFault, faultOf, GrowingFile } from './growing-file.js';
import { LiveStream } from './live-stream.js';
import { writePictures } from './pictures.js';
import { SourceTracks } from './source-tracks.js';

/** Frames kept until the output is open: some seconds. */
const MAX_EARLY = 500;

/** More than any audio encoder puts before its first sample. */
const STREAM_LEAD: Micros = 50_000;

export class Egress {
  private writer: CompositeWriter | undefined;
  /** Frames that came before the output was open, the oldest first; undefined once it is. */
  private early: MediaFrame[] | undefined = [];
  /** Folder for participants' own tracks; undefined writes none. */
  private tracksFolder: string | undefined;
  private readonly sources = new Map<SourceId, SourceTracks>();

  constructor(private readonly emit: (event: EgressEvent) => void) {}

  /** Carries out a command. The caller waits for the end of one before the next. */
  async command(command: Exclude<EgressCommand, { type: 'close' }>): Promise<void> {
    switch (command.type) {
      case 'record':
        await this.record(command);
        break;
      case 'stream':
        await this.stream(command);
        break;
      case 'pause':
        this.writer?.pause(command.at);
        break;
      case 'resume':
        this.writer?.resume();
        break;
      case 'stop':
        await this.stop(command.at);
        break;
      case 'source':
        this.openSource(command.source, command.name);
        break;
      case 'source-gone':
        await this.closeSource(command.source);
        break;
      case 'finish':
        this.emit(await this.finish(command));
        break;
      default:
        command satisfies never;
    }
  }

  frame(frame: MediaFrame): void {
    if (this.early) {
      this.early.push(frame);
      if (this.early.length > MAX_EARLY) this.early.shift();
      return;
    }
    switch (frame.kind) {
      case 'video-out':
        this.writer?.video(frame);
        break;
      case 'audio-out':
        this.writer?.audio(frame);
        break;
      case 'video-in':
        this.sources.get(frame.source)?.video(frame);
        break;
      case 'audio-in':
        this.sources.get(frame.source)?.audio(frame);
        break;
      default:
        frame satisfies never;
    }
  }

  /** Ends the output. @param at frames of this time or later are left out. */
  async stop(at: Micros): Promise<void> {
    const { writer } = this;
    this.writer = undefined;
    const sources = [...this.sources.values()];
    this.sources.clear();
    await Promise.all([writer?.stop(at), ...sources.map((source) => source.close())]);
    this.emit({ type: 'stopped', durationMicros: writer?.durationMicros ?? 0 });
  }

  private openSource(source: SourceId, name: string): void {
    if (this.tracksFolder === undefined || this.sources.has(source)) return;
    const { emit } = this;
    const tracks = new SourceTracks(source, name, this.tracksFolder, {
      positionOf: (clock) => this.writer?.positionOf(clock),
      onTrack: (track) => emit({ type: 'track', track }),
      onKeyframeNeeded: (id) => emit({ type: 'source-keyframe-needed', source: id }),
      // Progress is that of the composite.
      onSynced: () => {},
      onFault: (fault) => emit({ type: 'fault', ...fault }),
      // The server logs what is written here.
      onFileLost: (id, message) => {
        process.stderr.write(`a track of source ${id} ended: ${message}\n`);
      },
    });
    this.sources.set(source, tracks);
  }

  private async closeSource(source: SourceId): Promise<void> {
    const tracks = this.sources.get(source);
    this.sources.delete(source);
    await tracks?.close();
  }

  private async record(command: RecordCommand): Promise<void> {
    const { path, format, continues, tracksFolder, ...tracks } = command;
    this.tracksFolder = tracksFolder;
    await this.open(tracks, continues, 0, (described, onSynced) => {
      const onFault = (fault: FileFault) => this.emit({ type: 'fault', ...fault });
      return new GrowingFile(path, format, described, { onSynced, onFault });
    });
  }

  private async stream({ url, muxer, options, ...tracks }: StreamCommand): Promise<void> {
    await this.open(tracks, undefined, STREAM_LEAD, (described, onProgress) => {
      const onFault = (message: string) =>
        this.emit({ type: 'fault', code: 'destination_failed', message });
      return new LiveStream({ url, muxer, options, tracks: described }, { onProgress, onFault });
    });
  }

  /**
   * Opens the writer of the composite and gives it the early frames.
   * @param lead see {@link CompositeWriter.open}.
   * @param openSink opens what the writer writes to; `onProgress` hears how many bytes are safe.
   */
  private async open(
    tracks: CompositeTracks,
    continues: Continuation | undefined,
    lead: Micros,
    openSink: (described: readonly MuxedTrack[], onProgress: (bytes: number) => void) => PacketSink,
  ): Promise<void> {
    const { emit } = this;
    const onProgress = (bytes: number) => {
      const { durationMicros } = writer;
      emit({ type: 'progress', bytes, durationMicros, counters: writer.snapshot() });
    };
    const writer = await CompositeWriter.open(
      tracks,
      continues,
      {
        open: (described) => openSink(described, onProgress),
        onRunning: (anchor) => emit({ type: 'running', anchor }),
        onKeyframeNeeded: () => emit({ type: 'keyframe-needed' }),
      },
      lead,
    );
    this.writer = writer;
    const { early = [] } = this;
    this.early = undefined;
    for (const frame of early) this.frame(frame);
    const hasStarted = early.some((frame) => frame.kind === 'video-out' && frame.keyframe);
    if (!hasStarted) emit({ type: 'keyframe-needed' });
  }

  private async finish(command: FinishCommand): Promise<FinishedEvent | FaultEvent> {
    try {
      const file = await finish(command);
      const { picturesFolder } = command;
      // A recording is complete without pictures. The server logs what is written here.
      if (file && picturesFolder !== undefined) {
        await writePictures(picturesFolder, file).catch((error: unknown) => {
          process.stderr.write(`no pictures of a recording: ${String(error)}\n`);
        });
      }
      return { type: 'finished', durationMicros: file?.durationMicros };
    } catch (error) {
      return { type: 'fault', ...faultOf(error) };
    }
  }
}
