/** Decodes what one innocent hears, and measures how long one of the tones was missing. */
import type { RtpClient } from '../../src/bots/rtp-client.js';
import { OpusDecoder } from '../../src/codecs/opus/opus.js';
import { timestampDelta } from '../../src/rtp/sequence.js';
import { toneDbfs } from '../../test/support/tones.js';

/** A tone is heard above this. The innocents send at -14. */
const HEARD_DBFS = -34;
const TICKS_PER_MS = 48;

export class Listener {
  private soundGapMs = 0;
  private soundPauseMs = 0;
  private arrivedAt = performance.now();
  /** RTP timestamps at which each tone was heard last. */
  private readonly heard: (number | undefined)[];

  private constructor(
    private readonly tones: readonly number[],
    private readonly decoder: OpusDecoder,
  ) {
    this.heard = tones.map(() => undefined);
  }

  static async open(client: RtpClient, tones: readonly number[]): Promise<Listener> {
    const listener = new Listener(tones, await OpusDecoder.open(1));
    client.onRtp(({ kind, timestamp, payload }) => {
      if (kind === 'audio') listener.packet(timestamp, payload);
    });
    return listener;
  }

  /** What was noticed since the last call. */
  take(): { readonly soundGapMs: number; readonly soundPauseMs: number } {
    const quiet = performance.now() - this.arrivedAt;
    const missing = this.heard.includes(undefined) ? Number.POSITIVE_INFINITY : this.soundGapMs;
    const taken = { soundGapMs: missing, soundPauseMs: Math.max(this.soundPauseMs, quiet) };
    this.soundGapMs = 0;
    this.soundPauseMs = 0;
    return taken;
  }

  private packet(timestamp: number, payload: Buffer): void {
    const now = performance.now();
    this.soundPauseMs = Math.max(this.soundPauseMs, now - this.arrivedAt);
    this.arrivedAt = now;
    const pcm = this.decoder.decode(payload);
    if (!pcm) return;
    const last = timestamp + pcm.length;
    this.tones.forEach((tone, index) => {
      const before = this.heard[index];
      const isHeard = toneDbfs(pcm, tone) > HEARD_DBFS;
      // The gap lies between the end of the last packet with the tone and the start of this one.
      const at = isHeard ? timestamp : last;
      if (before !== undefined) {
        this.soundGapMs = Math.max(this.soundGapMs, timestampDelta(before, at) / TICKS_PER_MS);
      }
      if (isHeard) this.heard[index] = last;
    });
  }
}
