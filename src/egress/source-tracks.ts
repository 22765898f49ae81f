/**
 * Stage: writes the media of one participant, as they sent it, to files of its own: audio as Ogg (G.711
 * and G.722 as Opus), video as WebM or fragmented MP4. Times are those of the recording; pauses are left out.
 */
import { join } from 'node:path';
import { UPLINK_VIDEO } from '../codecs/codecs.js';
import type { VideoTrack } from '../codecs/ffmpeg/muxer.js';
import { opusPacketSamples } from '../codecs/opus/opus.js';
import type { TrackFile } from '../link/egress-messages.js';
import type { AudioInFrame, SourceId, VideoInFrame } from '../link/link-messages.js';
import type { VideoCodec } from '../protocol/codec-names.js';
import type { Micros } from '../util/units.js';
import { AudioGrid } from './audio-grid.js';
import { opusTrack, paddingMicros } from './containers.js';
import { type FileFault, faultOf, GrowingFile, type GrowingFileEvents } from './growing-file.js';
import { PacketOrder } from './packet-order.js';
import { SenderClockMap } from './sender-clock-map.js';
import { TelephonyTranscoder } from './telephony-transcoder.js';

/** What most players take each codec from. */
const VIDEO_FORMATS: Readonly<Record<VideoCodec, 'webm' | 'mp4'>> = {
  vp8: 'webm',
  vp9: 'webm',
  av1: 'webm',
  h264: 'mp4',
  h265: 'mp4',
};
/** How far a sender's clock may be off before silence is added or a packet is left out. */
const TOLERANCE: Micros = 60_000;
/** Stereo, which takes mono packets too. */
const AUDIO_TRACK = opusTrack(2);
const PADDING = paddingMicros(AUDIO_TRACK);

export interface SourceTracksEvents extends GrowingFileEvents {
  /** Where a moment of the monotonic clock is in the recording; undefined while it is paused. */
  positionOf(clock: Micros): Micros | undefined;
  onTrack(track: TrackFile): void;
  onKeyframeNeeded(source: SourceId): void;
  /** A file ended because of what the participant sent. The next one follows, some times; nobody else is harmed. */
  onFileLost(source: SourceId, message: string): void;
}

/** Files that one participant may lose; no more are begun then. */
const MAX_LOST = 10;

interface OpenVideo {
  readonly file: GrowingFile;
  readonly codec: VideoCodec;
  readonly start: Micros;
  last: Micros;
}

interface OpenAudio {
  readonly file: GrowingFile;
  readonly start: Micros;
  readonly grid: AudioGrid;
}

export class SourceTracks {
  private readonly clock = new SenderClockMap();
  private readonly order = new PacketOrder();
  private videoFile: OpenVideo | undefined;
  private audioFile: OpenAudio | undefined;
  /** Files that are being closed because the sender changed its codec. */
  private readonly ended: Promise<void>[] = [];
  /** For a sender without Opus. */
  private transcoder: TelephonyTranscoder | undefined;
  private parts = 0;
  private lost = 0;
  private wantsKeyframe = true;

  /** @param name of the files, without number and extension; made by the server. */
  constructor(
    private readonly source: SourceId,
    private readonly name: string,
    private readonly folder: string,
    private readonly events: SourceTracksEvents,
  ) {}

  video(frame: VideoInFrame): void {
    if (this.lost > MAX_LOST) return;
    const at = this.positionOf(frame);
    if (at === undefined) {
      this.wantsKeyframe = true;
      return;
    }
    if (this.wantsKeyframe && !frame.keyframe) {
      this.events.onKeyframeNeeded(this.source);
      return;
    }
    this.wantsKeyframe = false;
    if (this.videoFile && this.videoFile.codec !== frame.codec) this.endVideo();
    this.videoFile ??= this.openVideo(frame, at);
    const { videoFile } = this;
    if (!videoFile) return;
    const ptsMicros = Math.max(at - videoFile.start, videoFile.last + 1000);
    videoFile.last = ptsMicros;
    const { keyframe, data } = frame;
    const packet = { track: 0, ptsMicros, durationMicros: 0, keyframe, data };
    if (!videoFile.file.write(packet)) this.wantsKeyframe = true;
  }

  audio(frame: AudioInFrame): void {
    if (this.lost > MAX_LOST) return;
    for (const packet of this.order.push(frame)) {
      if ((packet.codec ?? 'opus') === 'opus') this.writeAudio(packet);
      else for (const opus of this.transcoded(packet)) this.writeAudio(opus);
    }
  }

  /** Resolves when all files are closed. */
  async close(): Promise<void> {
    for (const packet of (await this.transcoder?.end()) ?? []) this.writeAudio(packet);
    this.transcoder?.[Symbol.dispose]();
    await Promise.all([...this.ended, this.videoFile?.file.close(), this.audioFile?.file.close()]);
  }

  private transcoded(packet: AudioInFrame): AudioInFrame[] {
    this.transcoder ??= new TelephonyTranscoder((error) => this.failed('audio', faultOf(error)));
    return this.transcoder.push(packet);
  }

  private writeAudio(frame: AudioInFrame): void {
    const at = this.positionOf(frame);
    const samples = opusPacketSamples(frame.data);
    if (at === undefined || samples === 0) return;
    this.audioFile ??= this.openAudio(at);
    const { file, start, grid } = this.audioFile;
    const duration = (samples * 1_000_000) / 48_000;
    for (const packet of grid.push(at - start, frame.data, duration)) {
      file.write({
        ...packet,
        track: 0,
        keyframe: true,
        ptsMicros: packet.ptsMicros - PADDING,
      });
    }
  }

  private positionOf({ captureMicros, arrivalMicros }: VideoInFrame | AudioInFrame) {
    return this.events.positionOf(this.clock.toServer(captureMicros, arrivalMicros));
  }

  private openAudio(start: Micros): OpenAudio {
    const file = this.open('audio', 'ogg', start, [AUDIO_TRACK]);
    return { file, start, grid: new AudioGrid(0, TOLERANCE) };
  }

  private openVideo(frame: VideoInFrame, start: Micros): OpenVideo | undefined {
    const { codec, data } = frame;
    const described = UPLINK_VIDEO[codec];
    const size = described.uplink.keyframeSize(data);
    if (!size) return undefined;
    const extradata = described.parameterSets?.(data);
    const track: VideoTrack = { kind: 'video', codec, ...size, extradata };
    const file = this.open('video', VIDEO_FORMATS[codec], start, [track]);
    return { file, codec, start, last: -1000 };
  }

  private open(
    kind: 'audio' | 'video',
    format: 'ogg' | 'webm' | 'mp4',
    startMicros: Micros,
    tracks: ConstructorParameters<typeof GrowingFile>[2],
  ): GrowingFile {
    const file = `${this.name}-${++this.parts}.${format}`;
    this.events.onTrack({ source: this.source, kind, file, startMicros });
    return new GrowingFile(join(this.folder, `${file}.part`), format, tracks, {
      onSynced: (bytes) => this.events.onSynced(bytes),
      onFault: (fault) => this.failed(kind, fault),
    });
  }

  /** A full disk ends the recording; a muxer that refuses somebody's media ends that file alone. */
  private failed(kind: 'audio' | 'video', fault: FileFault): void {
    if (fault.code === 'disk_full') {
      this.events.onFault(fault);
      return;
    }
    this.lost++;
    if (kind === 'video') {
      this.endVideo();
      this.wantsKeyframe = true;
    } else if (this.audioFile) {
      this.ended.push(this.audioFile.file.close());
      this.audioFile = undefined;
    }
    this.events.onFileLost(this.source, fault.message);
  }

  private endVideo(): void {
    if (this.videoFile) this.ended.push(this.videoFile.file.close());
    this.videoFile = undefined;
  }
}
