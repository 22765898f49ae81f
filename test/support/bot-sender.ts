/** What a bot sends: a colour and a tone, or a flash with a beep each second; and a screen. */
import wrtc from '@roamhq/wrtc';
import type { BotOptions } from './bot.js';
import {
  drawFrame,
  drawScreen,
  FRAME_HEIGHT,
  FRAME_WIDTH,
  SCREEN_HEIGHT,
  SCREEN_WIDTH,
} from './fixtures.js';

const { nonstandard } = wrtc as any;
const AUDIO_FORMAT = { sampleRate: 48_000, bitsPerSample: 16, channelCount: 1 };

/** Ten milliseconds of a tone, silent where `on` says so. `at` is the first sample's number. */
function tone(
  frequency: number,
  amplitude: number,
  at: number,
  on: (sample: number) => boolean = () => true,
): Int16Array {
  return Int16Array.from({ length: 480 }, (_, i) =>
    on(at + i)
      ? Math.round(amplitude * 32_767 * Math.sin((2 * Math.PI * frequency * (at + i)) / 48_000))
      : 0,
  );
}

/** Random luma in squares of 8 x 8 in the upper part. */
function addNoise(data: Uint8ClampedArray): void {
  for (let y = 0; y < FRAME_HEIGHT / 4; y += 8) {
    for (let x = 0; x < FRAME_WIDTH; x += 8) {
      const luma = Math.random() * 255;
      for (let row = y; row < y + 8; row++) {
        data.fill(luma, row * FRAME_WIDTH + x, row * FRAME_WIDTH + Math.min(x + 8, FRAME_WIDTH));
      }
    }
  }
}

export class BotSender {
  readonly video = new nonstandard.RTCVideoSource();
  readonly audio = new nonstandard.RTCAudioSource();
  private readonly startedAt = performance.now();
  private frameIndex = 0;
  private sampleIndex = 0;

  /** @param onBeep gets the time at which a beep begins, in epoch milliseconds. */
  constructor(
    private readonly options: BotOptions,
    private readonly onBeep: (at: number) => void,
  ) {}

  /** Sends until the process ends. */
  start(): void {
    setInterval(() => this.sendDue(performance.now() - this.startedAt), 5);
  }

  private sendDue(elapsedMs: number): void {
    const { audio, video } = this.options;
    for (; video !== false && this.frameIndex * 33.333 <= elapsedMs; this.frameIndex++) {
      const isLate = this.frameIndex * 33.333 < elapsedMs - 100;
      if (!isLate) this.sendPicture();
    }
    for (; audio !== false && this.sampleIndex / 48 <= elapsedMs; this.sampleIndex += 480) {
      this.sendSound();
    }
  }

  private sendPicture(): void {
    const { flash, noise, colour = 'red' } = this.options;
    const shown = flash ? (this.isFlashing(this.frameIndex / 30) ? 'white' : 'black') : colour;
    const data = new Uint8ClampedArray(drawFrame(shown, this.frameIndex % 64));
    if (noise) addNoise(data);
    this.video.onFrame({ width: FRAME_WIDTH, height: FRAME_HEIGHT, data });
  }

  private sendSound(): void {
    const { flash, frequency = 440 } = this.options;
    if (flash && this.sampleIndex % 48_000 === 0) {
      this.onBeep(performance.timeOrigin + performance.now());
    }
    const on = (sample: number) => !flash || this.isFlashing(sample / 48_000);
    const samples = tone(frequency, 0.4, this.sampleIndex, on);
    this.audio.onData({ samples, ...AUDIO_FORMAT, numberOfFrames: 480 });
  }

  /** Flash and beep begin together, at each whole second, for 100 ms. */
  private isFlashing(seconds: number): boolean {
    return seconds % 1 < 0.1;
  }
}

/** A screen that is blue but for its corners, which are white squares, with a tone of its own. */
export class BotScreen {
  readonly video = new nonstandard.RTCVideoSource();
  readonly audio = new nonstandard.RTCAudioSource();
  private timer: NodeJS.Timeout | undefined;

  /** Sends five pictures a second. */
  start(frequency: number): void {
    const [width, height] = [SCREEN_WIDTH, SCREEN_HEIGHT];
    const data = new Uint8ClampedArray(drawScreen());
    let at = 0;
    const begun = performance.now();
    this.timer = setInterval(() => {
      while (at / 48 <= performance.now() - begun) {
        const samples = tone(frequency, 0.3, at);
        this.audio.onData({ samples, ...AUDIO_FORMAT, numberOfFrames: 480 });
        at += 480;
        if (at % 9600 === 0) this.video.onFrame({ width, height, data });
      }
    }, 5);
  }

  stop(): void {
    clearInterval(this.timer);
  }
}
