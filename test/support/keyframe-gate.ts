/**
 * Loses whole keyframes on a path, retransmissions aside. Packets are encrypted, but not their RTP
 * headers: while the gate is armed, each frame of the main video stream is held until its last
 * packet, and is a keyframe if it is larger than all others lately.
 */
import type { ImpairedPath } from './impaired-path.js';

const RATIO = 1.3;
const REMEMBERED = 40;
const ENOUGH = 20;
/** Sound with its redundancy stays below this. */
const MIN_VIDEO_BYTES = 700;

interface Stream {
  timestamp: number;
  packets: number;
  /** Of the frame that is coming. */
  bytes: number;
  readonly held: (() => void)[];
  /** Bytes of the latest frames other than keyframes that were lost. */
  readonly sizes: number[];
  largest: number;
}

export class KeyframeGate {
  /** Whether the next keyframe is lost. */
  armed = false;
  lost = 0;
  private readonly streams = new Map<number, Stream>();

  constructor(private readonly path: ImpairedPath) {
    path.gate = (data, pass) => this.packet(data, pass);
  }

  remove(): void {
    this.path.gate = undefined;
    for (const stream of this.streams.values()) for (const pass of stream.held.splice(0)) pass();
  }

  private packet(data: Buffer, pass: () => void): void {
    const type = (data[1] as number) & 0x7f;
    const isRtp = (data[0] as number) >> 6 === 2 && (type < 64 || type >= 96);
    if (!isRtp || data.length < 12) {
      pass();
      return;
    }
    const ssrc = data.readUInt32BE(8);
    const timestamp = data.readUInt32BE(4);
    const stream = this.streams.get(ssrc) ?? newStream(timestamp);
    this.streams.set(ssrc, stream);
    if (stream.timestamp !== timestamp) this.frameEnds(stream);
    stream.timestamp = timestamp;
    stream.packets++;
    stream.bytes += data.length;
    if (this.armed && stream === this.mainVideo()) stream.held.push(pass);
    else pass();
    const isLast = (data[1] as number) >= 128;
    if (isLast) this.frameEnds(stream);
  }

  /** Not a stream of retransmissions or of probes. */
  private mainVideo(): Stream | undefined {
    const videos = [...this.streams.values()].filter(({ largest }) => largest >= MIN_VIDEO_BYTES);
    return videos.sort((a, b) => b.packets - a.packets)[0];
  }

  private frameEnds(stream: Stream): void {
    const { bytes, sizes } = stream;
    if (bytes === 0) return;
    stream.bytes = 0;
    stream.largest = Math.max(stream.largest, bytes);
    const held = stream.held.splice(0);
    const isKeyframe = sizes.length >= ENOUGH && bytes > RATIO * Math.max(...sizes);
    if (this.armed && held.length > 0 && isKeyframe) {
      this.armed = false;
      this.lost++;
      return;
    }
    sizes.push(bytes);
    if (sizes.length > REMEMBERED) sizes.shift();
    for (const pass of held) pass();
  }
}

function newStream(timestamp: number): Stream {
  return { timestamp, packets: 0, bytes: 0, held: [], sizes: [], largest: 0 };
}
