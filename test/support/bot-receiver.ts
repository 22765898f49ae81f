/** What a bot sees and hears: pictures, colours, barcodes, flashes, beeps and tones. */
import wrtc from '@roamhq/wrtc';
import type { BotReport } from './bot.js';
import type { Region } from './browser.js';
import { BARCODE_CELL, BARCODE_TOP, BITS, FRAME_HEIGHT, FRAME_WIDTH } from './fixtures.js';

const { nonstandard } = wrtc as any;

/** I420. */
interface ReceivedPicture {
  readonly width: number;
  readonly height: number;
  readonly data: Uint8ClampedArray;
}

/** A flash or beep begins when nothing of it was there for this long. */
const QUIET_MS = 300;
/** A tone is louder than this several times each millisecond. */
const AUDIBLE = 0.01;

export class BotReceiver {
  readonly report: BotReport = {
    joined: false,
    frames: 0,
    lastFrameAt: 0,
    longestGapMs: 0,
    longestSilenceMs: 0,
    width: 0,
    height: 0,
    flashes: [],
    beeps: [],
    sentBeeps: [],
    timeOrigin: performance.timeOrigin,
    tileGaps: [],
    errors: [],
  };
  private newest: ReceivedPicture | undefined;
  /** The last second. */
  private readonly heard = new Float32Array(48_000);
  private heardAt = 0;
  private readonly lastOn = new Map<number[], number>();
  private hasHeard = false;
  private quietSamples = 0;
  private barcode = -1;
  private barcodeAt = 0;

  /** @param tile whose barcode is read in every picture. */
  constructor(private readonly tile: Region | undefined) {}

  /** Takes a track of either kind. */
  receive(track: any): void {
    if (track.kind === 'video') this.watch(track);
    else this.listen(track);
  }

  /** What was seen and heard; the longest gap and the tile's gaps begin again. */
  takeReport(): BotReport {
    const taken = { ...this.report };
    this.report.longestGapMs = 0;
    this.report.longestSilenceMs = 0;
    this.report.tileGaps = [];
    return taken;
  }

  /** Level of a tone in the last second, in dBFS of its peak. */
  levelOf(frequency: number): number {
    const { length } = this.heard;
    let re = 0;
    let im = 0;
    for (let i = 0; i < length; i++) {
      const value = this.heard[(this.heardAt + i) % length] as number;
      const window = 0.5 - 0.5 * Math.cos((2 * Math.PI * i) / length);
      re += value * window * Math.cos((2 * Math.PI * frequency * i) / 48_000);
      im += value * window * Math.sin((2 * Math.PI * frequency * i) / 48_000);
    }
    return 20 * Math.log10((4 * Math.hypot(re, im)) / length + 1e-9);
  }

  /** RGB at a point of the newest picture, in fractions of it; black before the first one. */
  colourAt(x: number, y: number): [number, number, number] {
    if (!this.newest) return [0, 0, 0];
    const { width, height, data } = this.newest;
    const [px, py] = [Math.floor(x * width), Math.floor(y * height)];
    const chroma = width * height + (py >> 1) * (width >> 1) + (px >> 1);
    const luma = (data[py * width + px] as number) - 16;
    const u = (data[chroma] as number) - 128;
    const v = (data[chroma + ((width * height) >> 2)] as number) - 128;
    const clamp = (value: number) => Math.max(0, Math.min(255, Math.round(value)));
    return [
      clamp(1.164 * luma + 1.596 * v),
      clamp(1.164 * luma - 0.392 * u - 0.813 * v),
      clamp(1.164 * luma + 2.017 * u),
    ];
  }

  private watch(track: any): void {
    const { report } = this;
    const sink = new nonstandard.RTCVideoSink(track);
    sink.onframe = ({ frame }: { frame: ReceivedPicture }) => {
      const now = performance.now();
      if (report.lastFrameAt)
        report.longestGapMs = Math.max(report.longestGapMs, now - report.lastFrameAt);
      report.lastFrameAt = now;
      report.frames++;
      report.width = frame.width;
      report.height = frame.height;
      this.newest = frame;
      if (this.tile) this.watchTile(frame, this.tile, now);
      const bright =
        (frame.data[(frame.height >> 1) * frame.width + (frame.width >> 1)] as number) > 150;
      this.mark(report.flashes, bright, now);
    };
  }

  private listen(track: any): void {
    const sink = new nonstandard.RTCAudioSink(track);
    sink.ondata = ({ samples, channelCount }: { samples: Int16Array; channelCount: number }) => {
      let peak = 0;
      for (let i = 0; i < samples.length; i += channelCount) {
        const value = (samples[i] as number) / 32_768;
        this.heard[this.heardAt] = value;
        this.heardAt = (this.heardAt + 1) % this.heard.length;
        peak = Math.max(peak, Math.abs(value));
        this.measureSilence(Math.abs(value));
      }
      this.mark(this.report.beeps, peak > 0.1, performance.now());
    };
  }

  /** Counts samples too quiet to be a tone. */
  private measureSilence(level: number): void {
    if (level > AUDIBLE) {
      this.hasHeard = true;
      this.quietSamples = 0;
    } else if (this.hasHeard) this.quietSamples++;
    const silence = this.quietSamples / 48;
    this.report.longestSilenceMs = Math.max(this.report.longestSilenceMs, silence);
  }

  /** Notes how long the frame number in a tile stood still; the tile may crop a 16:9 picture. */
  private watchTile({ width, height, data }: ReceivedPicture, tile: Region, now: number): void {
    const crop = 16 / 9 / ((tile.width * width) / (tile.height * height));
    const at = (start: number, span: number, part: number, stretch: number, size: number) =>
      Math.round((start + span * ((part - 0.5) * Math.max(1, stretch) + 0.5)) * size);
    const middle = (BARCODE_TOP + BARCODE_CELL / 2) / FRAME_HEIGHT;
    const y = at(tile.y, tile.height, middle, 1 / crop, height);
    let gray = 0;
    for (let bit = 0; bit < BITS; bit++) {
      const cell = (FRAME_WIDTH - BITS * BARCODE_CELL) / 2 + (bit + 0.5) * BARCODE_CELL;
      const x = at(tile.x, tile.width, cell / FRAME_WIDTH, crop, width);
      const luma = data[y * width + x] as number;
      if (luma > 90 && luma < 165) return;
      if (luma >= 165) gray |= 1 << bit;
    }
    if (gray === this.barcode) return;
    if (this.barcodeAt) this.report.tileGaps.push(now - this.barcodeAt);
    this.barcode = gray;
    this.barcodeAt = now;
  }

  /** Notes the moment at which a flash or a beep begins. */
  private mark(list: number[], on: boolean, now: number): void {
    if (!on) return;
    if (now - (this.lastOn.get(list) ?? -1e9) > QUIET_MS) list.push(now);
    this.lastOn.set(list, now);
  }
}
