/** Sends test patterns through clients, each frame at its time on the wall clock. */
import type { RtpClient } from './rtp-client.js';
import { AUDIO_FRAME_MS, FRAME_RATE, type TestPattern } from './test-pattern.js';

const TICK_MS = 5;
/** After a longer stall the missed frames are skipped. */
const MAX_BEHIND_MS = 500;
const VIDEO_CLOCK = 90_000;
const AUDIO_CLOCK = 48_000;

interface Player {
  readonly client: RtpClient;
  readonly pattern: TestPattern;
}

export class Replay {
  private readonly players = new Set<Player>();
  private timer: NodeJS.Timeout | undefined;
  private nextVideo = 0;
  private nextAudio = 0;

  add(client: RtpClient, pattern: TestPattern): void {
    this.players.add({ client, pattern });
    if (this.timer) return;
    this.skipTo(Date.now());
    this.timer = setInterval(() => this.tick(Date.now()), TICK_MS);
  }

  remove(client: RtpClient): void {
    for (const player of this.players) if (player.client === client) this.players.delete(player);
  }

  stop(): void {
    clearInterval(this.timer);
    this.timer = undefined;
    this.players.clear();
  }

  private skipTo(now: number): void {
    this.nextVideo = Math.floor((now * FRAME_RATE) / 1000);
    this.nextAudio = Math.floor(now / AUDIO_FRAME_MS);
  }

  private tick(now: number): void {
    if (now - this.nextAudio * AUDIO_FRAME_MS > MAX_BEHIND_MS) this.skipTo(now);
    for (; (this.nextVideo * 1000) / FRAME_RATE <= now; this.nextVideo++) {
      this.send('video', this.nextVideo, VIDEO_CLOCK / FRAME_RATE);
    }
    for (; this.nextAudio * AUDIO_FRAME_MS <= now; this.nextAudio++) {
      this.send('audio', this.nextAudio, (AUDIO_CLOCK * AUDIO_FRAME_MS) / 1000);
    }
  }

  private send(kind: 'audio' | 'video', index: number, ticks: number): void {
    const timestamp = (index * ticks) % 2 ** 32;
    for (const { client, pattern } of this.players) {
      const frame = pattern[kind][index % pattern[kind].length];
      if (frame) client.sendRtp(kind, Buffer.isBuffer(frame) ? [frame] : frame, timestamp);
    }
  }
}
