/** Follows the composite that one innocent gets; may decode it and watch the innocents' tiles. */
import type { RtpClient } from '../../src/bots/rtp-client.js';
import { VideoDecoder } from '../../src/codecs/ffmpeg/video-decoder.js';
import { vp8Depacketizer } from '../../src/codecs/vp8-depacketizer.js';
import { timestampDelta } from '../../src/rtp/sequence.js';
import { INNOCENTS } from './server.js';

const TICKS_PER_MS = 90;
/** A tile has another picture when its brightness differs by more than this. */
const CHANGED = 8;

interface Tile {
  luma: number;
  /** RTP timestamp of the last change. */
  changedAt: number | undefined;
}

export class Watcher {
  private pictureGapMs = 0;
  private tileGapMs = 0;
  private lastFrame: number | undefined;
  private payloads: Buffer[] = [];
  private decoding: Promise<void> = Promise.resolve();
  private readonly tiles: Tile[] = INNOCENTS.map(() => ({ luma: 0, changedAt: undefined }));

  private constructor(
    private readonly client: RtpClient,
    private readonly decoder: VideoDecoder | undefined,
  ) {}

  static async open(client: RtpClient, looks: boolean): Promise<Watcher> {
    const watcher = new Watcher(client, looks ? await VideoDecoder.open('vp8') : undefined);
    client.onRtp(({ kind, timestamp, marker, payload }) => {
      if (kind === 'video') watcher.packet(timestamp, marker, payload);
    });
    await client.requestKeyframe();
    return watcher;
  }

  /** What was noticed since the last call. */
  take(): { readonly pictureGapMs: number; readonly tileGapMs: number | undefined } {
    const isBlind = this.tiles.some(({ changedAt }) => changedAt === undefined);
    const taken = {
      pictureGapMs: this.lastFrame === undefined ? Number.POSITIVE_INFINITY : this.pictureGapMs,
      tileGapMs: this.decoder && (isBlind ? Number.POSITIVE_INFINITY : this.tileGapMs),
    };
    this.pictureGapMs = 0;
    this.tileGapMs = 0;
    return taken;
  }

  private packet(timestamp: number, marker: boolean, payload: Buffer): void {
    if (payload.length > 0) this.payloads.push(Buffer.from(payload));
    if (!marker) return;
    const { lastFrame, payloads } = this;
    this.payloads = [];
    this.lastFrame = timestamp;
    if (lastFrame !== undefined) {
      const gap = timestampDelta(lastFrame, timestamp) / TICKS_PER_MS;
      this.pictureGapMs = Math.max(this.pictureGapMs, gap);
    }
    if (!this.decoder) return;
    this.decoding = this.decoding.then(() => this.look(timestamp, payloads));
  }

  private async look(timestamp: number, payloads: readonly Buffer[]): Promise<void> {
    const frame = vp8Depacketizer.assemble(payloads);
    const decoded = frame && (await this.decoder?.decode(frame.data));
    if (!decoded || decoded === 'corrupt') {
      await this.client.requestKeyframe();
      return;
    }
    using picture = decoded;
    const [luma, stride] = [picture.planes[0] as Buffer, picture.strides[0] as number];
    this.tiles.forEach((tile, index) => {
      // The middle of the tile: names and marks are at its edges.
      const x = Math.floor(picture.width * (0.25 + (index % 2) / 2));
      const y = Math.floor(picture.height * (0.25 + Math.floor(index / 2) / 2));
      const value = luma[y * stride + x] as number;
      const { changedAt } = tile;
      if (changedAt !== undefined) {
        const gap = timestampDelta(changedAt, timestamp) / TICKS_PER_MS;
        this.tileGapMs = Math.max(this.tileGapMs, gap);
      }
      if (Math.abs(value - tile.luma) <= CHANGED) return;
      tile.luma = value;
      tile.changedAt = timestamp;
    });
  }
}
