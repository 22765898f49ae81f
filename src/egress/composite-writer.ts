/**
 * Stage: writes the composite's frames to a file or a stream. It gives them file times, transcodes
 * the audio to AAC if wanted, and passes packets to a sink. The sink opens with the first packet.
 */
import { DOWNLINK_VIDEO } from '../codecs/codecs.js';
import type { AudioTrack, MuxedPacket, MuxedTrack } from '../codecs/ffmpeg/muxer.js';
import type {
  Anchor,
  CompositeTracks,
  Continuation,
  WriterCounters,
} from '../link/egress-messages.js';
import type { AudioOutFrame, VideoOutFrame } from '../link/link-messages.js';
import type { Micros } from '../util/units.js';
import { AacTranscoder } from './aac-transcoder.js';
import { CompositeTimeline, type TrackPacket } from './composite-timeline.js';
import { opusTrack, paddingMicros } from './containers.js';

/** After a pause, frames from before it arrive within this time: they are sent in batches. */
const FLIGHT_MS = 600;

/** Writes packets: a file or a stream. */
export interface PacketSink {
  /** @returns false if it does not keep up and dropped the packet. */
  write(packet: MuxedPacket): boolean;
  /** Makes safe what was written, because no packet may come for a while. */
  flush(): void;
  close(): Promise<void>;
}

export interface CompositeWriterEvents {
  open(tracks: readonly MuxedTrack[]): PacketSink;
  onRunning(anchor: Anchor): void;
  /** Video cannot continue without a keyframe. */
  onKeyframeNeeded(): void;
}

export class CompositeWriter {
  private readonly timeline: CompositeTimeline;
  private readonly audioTrack: AudioTrack;
  private sink: PacketSink | undefined;
  private parameters: Buffer | undefined;
  private offset: Micros = 0;
  private announced: Anchor | undefined;
  private notWritten = 0;
  private settling: NodeJS.Timeout | undefined;

  private constructor(
    private readonly options: CompositeTracks,
    private readonly aac: AacTranscoder | undefined,
    continues: Continuation | undefined,
    private readonly events: CompositeWriterEvents,
    private readonly lead: Micros,
  ) {
    this.timeline = new CompositeTimeline(options.video !== undefined, continues);
    this.audioTrack = aac?.track ?? opusTrack(options.audioChannels);
  }

  /**
   * @param continues where it continues another file; undefined for the first.
   * @param lead added to all times. Streams allow no times below 0, and the audio that decoders skip
   *   at the start would have such times.
   */
  static async open(
    options: CompositeTracks,
    continues: Continuation | undefined,
    events: CompositeWriterEvents,
    lead: Micros = 0,
  ): Promise<CompositeWriter> {
    const { audioCodec, audioChannels, audioBitrateBps } = options;
    const aac =
      audioCodec === 'aac' ? await AacTranscoder.open(audioChannels, audioBitrateBps) : undefined;
    return new CompositeWriter(options, aac, continues, events, lead);
  }

  get durationMicros(): Micros {
    return this.timeline.endMicros;
  }

  /** Where a moment of the monotonic clock is in the recording; undefined while nothing is written. */
  positionOf(clock: Micros): Micros | undefined {
    return this.timeline.positionOf(clock);
  }

  snapshot(): WriterCounters {
    return { ...this.timeline.snapshot(), frames_not_written: this.notWritten };
  }

  video(frame: VideoOutFrame): void {
    if (this.options.video?.codec !== frame.codec) return;
    if (frame.keyframe) this.parameters ??= DOWNLINK_VIDEO[frame.codec].parameterSets?.(frame.data);
    this.write(this.timeline.video(frame));
  }

  audio(frame: AudioOutFrame): void {
    this.write(this.timeline.audio(frame));
  }

  /** Leaves out frames of this time or later. Earlier ones may still be on their way. */
  pause(at: Micros): void {
    this.timeline.pause(at);
    clearTimeout(this.settling);
    this.settling = setTimeout(() => {
      this.write(this.timeline.settle());
      this.sink?.flush();
    }, FLIGHT_MS);
  }

  resume(): void {
    clearTimeout(this.settling);
    this.write(this.timeline.resume());
    this.events.onKeyframeNeeded();
  }

  /** Ends the output. Resolves when everything is written. */
  async stop(at: Micros): Promise<void> {
    clearTimeout(this.settling);
    this.timeline.pause(at);
    this.write(this.timeline.settle());
    if (this.sink) for (const packet of this.aac?.end() ?? []) this.writeAudio(packet);
    await this.sink?.close();
    this.aac?.[Symbol.dispose]();
  }

  private write(packets: readonly TrackPacket[]): void {
    const { started } = this.timeline;
    if (started && started !== this.announced) {
      this.announced = started;
      this.events.onRunning(started);
    }
    for (const packet of packets) {
      this.sink ??= this.begin(packet.ptsMicros);
      if (packet.kind === 'audio') {
        for (const part of this.aac?.push(packet) ?? [packet]) this.writeAudio(part);
        continue;
      }
      const taken = this.sink.write({
        ...packet,
        track: 0,
        ptsMicros: packet.ptsMicros - this.offset,
      });
      if (taken) continue;
      this.notWritten++;
      this.timeline.videoLost();
      this.events.onKeyframeNeeded();
    }
  }

  private writeAudio(packet: Pick<MuxedPacket, 'ptsMicros' | 'durationMicros' | 'data'>): void {
    const taken = this.sink?.write({
      ...packet,
      track: this.options.video ? 1 : 0,
      keyframe: true,
      ptsMicros: packet.ptsMicros - this.offset - paddingMicros(this.audioTrack),
    });
    if (taken === false) this.notWritten++;
  }

  private begin(first: Micros): PacketSink {
    this.offset = (this.announced?.file ?? first) - this.lead;
    const { video } = this.options;
    const picture: MuxedTrack[] = video
      ? [{ kind: 'video', ...video, extradata: this.parameters }]
      : [];
    return this.events.open([...picture, this.audioTrack]);
  }
}
