/** The encodes of one canvas: one encoder for each codec and rendition that is watched. */

import type { VideoContent } from '../../codecs/codec.js';
import type { Picture } from '../../codecs/ffmpeg/picture.js';
import type { MixSettings, VideoOutFrame, WatchedVideo } from '../../link/link-messages.js';
import { RetryGate } from '../../util/retry-gate.js';
import type { Micros } from '../../util/units.js';
import { type Faults, ROOM } from '../faults.js';
import type { CompositeCounters, EncodeCounters } from './composite-counters.js';
import { CompositeEncoder } from './composite-encoder.js';

export interface RenditionEncoderEvents {
  frame(frame: VideoOutFrame): void;
  /** An encode that gave a frame took this long. */
  encoded(micros: Micros): void;
}

interface Entry {
  readonly encoder: CompositeEncoder;
  readonly counters: EncodeCounters;
}

/** Pauses before an encoder that broke, or cannot be opened, is tried again. */
const PAUSES = { firstMs: 500, maxMs: 10_000, immediate: true, calmMs: 30_000 };

function keyOf({ codec, rendition }: WatchedVideo): string {
  return `${codec}/${rendition}`;
}

export class RenditionEncoders {
  private readonly entries = new Map<string, Entry>();
  private readonly failing = new RetryGate<string>(PAUSES);

  /** @param now reads the monotonic clock. */
  constructor(
    private readonly settings: MixSettings,
    private readonly events: RenditionEncoderEvents,
    private readonly counters: CompositeCounters,
    private readonly faults: Faults,
    private readonly now: () => Micros,
  ) {}

  get size(): number {
    return this.entries.size;
  }

  /** Opens encoders for what is watched, and closes the others. */
  async watch(videos: readonly WatchedVideo[]): Promise<void> {
    const wanted = new Set(videos.map(keyOf));
    for (const [key, { encoder }] of this.entries) {
      if (wanted.has(key)) continue;
      this.entries.delete(key);
      encoder.dispose();
    }
    this.failing.keepOnly(wanted);
    for (const watched of videos) {
      const key = keyOf(watched);
      if (this.entries.has(key) || !this.failing.mayTry(key, this.now())) continue;
      await this.open(watched).catch((error: unknown) => this.broke(key, error));
    }
  }

  requestKeyframe(video: WatchedVideo, urgent: boolean): void {
    this.entries.get(keyOf(video))?.encoder.requestKeyframe(urgent);
  }

  /** @param due the tick that the picture was composed for. */
  async encode(
    picture: Picture,
    content: VideoContent,
    due: Micros,
    changed: boolean,
  ): Promise<void> {
    await Promise.all(
      [...this.entries].map(([key, entry]) =>
        this.encodeOne(entry, picture, content, due, changed).catch((error: unknown) =>
          this.broke(key, error),
        ),
      ),
    );
  }

  dispose(): void {
    for (const { encoder } of this.entries.values()) encoder.dispose();
    this.entries.clear();
  }

  private async open(watched: WatchedVideo): Promise<void> {
    const { codec, rendition: index, own } = watched;
    const rendition = own ?? this.settings.renditions[index];
    if (!rendition) return;
    const { keyframes, canvases } = this.counters;
    const encoder = await CompositeEncoder.open(watched, rendition, this.settings, keyframes);
    if (encoder.fallback !== undefined) canvases.video_hardware_fallbacks++;
    this.entries.set(keyOf(watched), { encoder, counters: this.counters.encodesOf(codec, index) });
  }

  /** This encode alone starts again, with a keyframe; the others go on. */
  private broke(key: string, error: unknown): void {
    this.faults.caught(ROOM, 'video_encode', error);
    this.failing.failed(key, this.now());
    this.entries.get(key)?.encoder.dispose();
    this.entries.delete(key);
  }

  private async encodeOne(
    { encoder, counters }: Entry,
    picture: Picture,
    content: VideoContent,
    due: Micros,
    changed: boolean,
  ): Promise<void> {
    await encoder.setContent(content);
    const start = this.now();
    const frames = await encoder.encode(picture, due, changed);
    const encodedMicros = this.now();
    if (frames.length > 0) this.events.encoded(encodedMicros - start);
    const { codec, rendition } = encoder.watched;
    for (const encoded of frames) {
      counters.frames++;
      if (encoded.keyframe) counters.keyframes++;
      counters.bytes += encoded.data.length;
      const head = { kind: 'video-out', codec, rendition, ptsMicros: due } as const;
      this.events.frame({ ...head, encodedMicros, ...encoded });
    }
  }
}
