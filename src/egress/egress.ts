/** What an egress process does: joins the stages. */

import type { MuxedTrack } from '../codecs/ffmpeg/muxer.js';
import type {
  CompositeTracks,
  Continuation,
  EgressCommand,
  EgressEvent,
  FinishCommand,
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

/** Some seconds. */
const MAX_EARLY = 500;

/** More than any encoder of sound puts before its first sample. */
const STREAM_LEAD: Micros = 50_000;

function noPictures(error: unknown): void {
  process.stderr.write(`no pictures of a recording: ${String(error)}\n`);
}

export class Egress {
  private writer: CompositeWriter | undefined;
  /** Frames that came before there was something to write them, the oldest first. */
  private early: MediaFrame[] | undefined = [];
  private tracksFolder: string | undefined;
  private readonly sources = new Map<SourceId, SourceTracks>();

  constructor(private readonly tell: (event: EgressEvent) => void) {}

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
      case 'source-gone': {
        const gone = this.sources.get(command.source);
        this.sources.delete(command.source);
        await gone?.close();
        break;
      }
      case 'finish':
        this.tell(await this.finish(command));
        break;
      default:
        break;
    }
  }

  frame(frame: MediaFrame): void {
    if (this.early) {
      this.early.push(frame);
      if (this.early.length > MAX_EARLY) this.early.shift();
    } else if (frame.kind === 'video-out') this.writer?.video(frame);
    else if (frame.kind === 'audio-out') this.writer?.audio(frame);
    else if (frame.kind === 'video-in') this.sources.get(frame.source)?.video(frame);
    else this.sources.get(frame.source)?.audio(frame);
  }

  async stop(at: Micros): Promise<void> {
    const { writer } = this;
    this.writer = undefined;
    const sources = [...this.sources.values()];
    this.sources.clear();
    await Promise.all([writer?.stop(at), ...sources.map((source) => source.close())]);
    this.tell({ type: 'stopped', durationMicros: writer?.durationMicros ?? 0 });
  }

  private openSource(source: SourceId, name: string): void {
    if (this.tracksFolder === undefined || this.sources.has(source)) return;
    const { tell } = this;
    const tracks = new SourceTracks(source, name, this.tracksFolder, {
      positionOf: (clock) => this.writer?.positionOf(clock),
      onTrack: (track) => tell({ type: 'track', track }),
      onKeyframeNeeded: (id) => tell({ type: 'source-keyframe-needed', source: id }),
      onSynced: () => {},
      onFault: (fault) => tell({ type: 'fault', ...fault }),
    });
    this.sources.set(source, tracks);
  }

  private async record(command: RecordCommand): Promise<void> {
    const { path, format, continues, tracksFolder, ...tracks } = command;
    this.tracksFolder = tracksFolder;
    await this.begin(tracks, continues, 0, (described, onSynced) => {
      const onFault = (fault: FileFault) => this.tell({ type: 'fault', ...fault });
      return new GrowingFile(path, format, described, { onSynced, onFault });
    });
  }

  private async stream({ url, muxer, options, ...tracks }: StreamCommand): Promise<void> {
    await this.begin(tracks, undefined, STREAM_LEAD, (described, onProgress) => {
      const onFault = (message: string) =>
        this.tell({ type: 'fault', code: 'destination_failed', message });
      return new LiveStream({ url, muxer, options, tracks: described }, { onProgress, onFault });
    });
  }

  /**
   * Opens what writes the composite; frames that came before are for it.
   * @param open is given the tracks, and what to call as more bytes are safe.
   */
  private async begin(
    tracks: CompositeTracks,
    continues: Continuation | undefined,
    lead: Micros,
    open: (described: readonly MuxedTrack[], onProgress: (bytes: number) => void) => PacketSink,
  ): Promise<void> {
    const { tell } = this;
    const progress = (bytes: number) => {
      const { durationMicros, counters } = writer;
      tell({ type: 'progress', bytes, durationMicros, counters });
    };
    const writer = await CompositeWriter.open(
      tracks,
      continues,
      {
        open: (described) => open(described, progress),
        onRunning: (anchor) => tell({ type: 'running', anchor }),
        onKeyframeNeeded: () => tell({ type: 'keyframe-needed' }),
      },
      lead,
    );
    this.writer = writer;
    const { early = [] } = this;
    this.early = undefined;
    for (const frame of early) this.frame(frame);
    const began = early.some((frame) => frame.kind === 'video-out' && frame.keyframe);
    if (!began) tell({ type: 'keyframe-needed' });
  }

  private async finish(command: FinishCommand): Promise<EgressEvent> {
    try {
      const file = await finish(command);
      const { picturesFolder } = command;
      // A recording without a poster is one still; what is written here is in the server's log.
      if (file && picturesFolder !== undefined) {
        await writePictures(picturesFolder, file).catch(noPictures);
      }
      return { type: 'finished', durationMicros: file?.durationMicros };
    } catch (error) {
      return { type: 'fault', ...faultOf(error) };
    }
  }
}
