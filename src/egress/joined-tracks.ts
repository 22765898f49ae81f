/**
 * Stage: packets of several segments on one timeline, on their way into one file. Each video frame
 * lasts until the next one, the last until the end. Gaps between the segments' Opus tracks are filled
 * with silence.
 */
import type { MuxedPacket, MuxedTrack, Muxer } from '../codecs/ffmpeg/muxer.js';
import type { Micros } from '../util/units.js';
import { AudioGrid } from './audio-grid.js';
import { paddingMicros } from './containers.js';
import type { KeyframePicker } from './keyframe-picker.js';

export class JoinedTracks {
  private readonly grids: (AudioGrid | undefined)[];
  private readonly runs: MuxedPacket[][];
  private readonly paddings: readonly Micros[];
  /** The latest video frame; its duration is known when the next one comes. */
  private heldVideo: MuxedPacket | undefined;
  private runStart: Micros = 0;
  private offset: Micros = 0;
  private durationMicros: Micros = 0;

  /**
   * @param runMicros packets of one track are written together for this long, then those of the
   *   other; 0 writes them as they come.
   */
  constructor(
    private readonly muxer: Pick<Muxer, 'write'>,
    private readonly tracks: readonly MuxedTrack[],
    private readonly picker: KeyframePicker,
    private readonly runMicros: Micros,
  ) {
    this.grids = tracks.map(() => undefined);
    this.runs = tracks.map(() => []);
    this.paddings = tracks.map(paddingMicros);
  }

  /** @param offset where in the finished file the segment's time 0 is. */
  startSegment(offset: Micros): void {
    this.offset = offset;
  }

  /** Adds a packet of the current segment; its time is the segment's. */
  async add(packet: MuxedPacket): Promise<void> {
    const track = this.tracks[packet.track];
    if (!track) return;
    const ptsMicros = packet.ptsMicros + this.offset;
    if (track.kind === 'audio') this.addAudio({ ...packet, ptsMicros }, track.codec);
    else if (!this.addVideo({ ...packet, ptsMicros })) return;
    if (ptsMicros - this.runStart < this.runMicros) return;
    this.runStart = ptsMicros;
    await this.writeRuns();
  }

  /** Writes the rest. @returns the duration; undefined if there were no packets. */
  async end(): Promise<Micros | undefined> {
    const held = this.heldVideo;
    if (held) {
      const least = held.ptsMicros + Math.max(held.durationMicros, 1000);
      this.put({ ...held, durationMicros: Math.max(least, this.durationMicros) - held.ptsMicros });
    }
    await this.writeRuns();
    return this.durationMicros > 0 ? this.durationMicros : undefined;
  }

  /** @returns false if the frame is not later than the one before, and is left out. */
  private addVideo(packet: MuxedPacket): boolean {
    const { ptsMicros, keyframe, data } = packet;
    const held = this.heldVideo;
    if (held && ptsMicros <= held.ptsMicros) return false;
    if (keyframe) this.picker.offer(ptsMicros, data);
    this.heldVideo = packet;
    if (held) this.put({ ...held, durationMicros: ptsMicros - held.ptsMicros });
    return true;
  }

  private addAudio(packet: MuxedPacket, codec: string): void {
    const { track, ptsMicros } = packet;
    if (codec !== 'opus') {
      this.put(packet);
      return;
    }
    const padding = this.paddings[track] ?? 0;
    const duration = packet.durationMicros || undefined;
    const grid = this.grids[track] ?? new AudioGrid(ptsMicros + padding);
    this.grids[track] = grid;
    for (const part of grid.push(ptsMicros + padding, packet.data, duration)) {
      this.put({ ...packet, ...part, ptsMicros: part.ptsMicros - padding });
    }
  }

  private put(packet: MuxedPacket): void {
    this.runs[packet.track]?.push(packet);
    const padding = this.paddings[packet.track] ?? 0;
    const end = packet.ptsMicros + packet.durationMicros + padding;
    this.durationMicros = Math.max(this.durationMicros, end);
  }

  private async writeRuns(): Promise<void> {
    for (const run of this.runs) {
      for (const packet of run.splice(0)) await this.muxer.write(packet);
    }
  }
}
