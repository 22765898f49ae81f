/**
 * A call of a real Chromium over an impaired network with a libwebrtc bot beside the server, and what
 * each saw and heard of the other.
 */
import type { Browser } from 'playwright-core';
import { RtpClient } from '../../src/bots/rtp-client.js';
import { Bot, type BotReport } from './bot.js';
import { CallPage, launchBrowser } from './browser.js';
import { tile } from './expect-media.js';
import { ImpairedNetwork } from './impaired-network.js';
import type { PathProfile } from './impaired-path.js';
import { KeyframeGate } from './keyframe-gate.js';
import { sleep, type TestServer, waitFor } from './server.js';

/** What was seen and heard over some seconds. Shares are 0 to 1, times milliseconds. */
export interface CallQuality {
  readonly seconds: number;
  /** Pictures a second that the page decoded. */
  readonly framesPerSecond: number;
  /** Freezes at the page, from getStats: gaps of at least max(3 x average, average + 150 ms). */
  readonly freezes: number;
  readonly frozenMs: number;
  /** The same of the page's tile as the bot sees it. */
  readonly upFreezes: number;
  readonly upFrozenMs: number;
  readonly upLongestGapMs: number;
  readonly concealedDown: number;
  readonly concealedUp: number;
  /** Play-out of sound minus that of the picture at the page; NaN if unknown. */
  readonly skewMs: number;
  /** Median from a beep's start at one end to its start at the other. */
  readonly latencyDownMs: number;
  readonly latencyUpMs: number;
  /** Mean of what the network itself delayed datagrams by. */
  readonly networkDownMs: number;
  readonly networkUpMs: number;
}

function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[sorted.length >> 1] ?? Number.NaN;
}

/** Times from each sent beep to the first heard within a second. */
function latencies(sent: readonly number[], heard: readonly number[]): number[] {
  return sent
    .map((at) => (heard.find((time) => time > at && time < at + 950) ?? Number.NaN) - at)
    .filter((value) => !Number.isNaN(value));
}

/** Gaps between frames that count as freezes. */
export function freezesOf(gaps: readonly number[]): { count: number; ms: number } {
  const average = gaps.reduce((sum, gap) => sum + gap, 0) / Math.max(1, gaps.length);
  const frozen = gaps.filter((gap) => gap >= Math.max(3 * average, average + 150));
  return { count: frozen.length, ms: frozen.reduce((sum, gap) => sum + gap, 0) };
}

type PathCounters = ImpairedNetwork['up']['counters'];

function delayOf(before: PathCounters, after: PathCounters): number {
  return (after.delayed_ms - before.delayed_ms) / (after.forwarded - before.forwarded);
}

interface Snapshot {
  readonly at: number;
  readonly page: Record<string, number>;
  readonly concealed: number;
  readonly up: PathCounters;
  readonly down: PathCounters;
}

export interface NetworkCallOptions {
  readonly seed?: number;
  /** The page's camera has a picture with large keyframes. */
  readonly textured?: boolean | undefined;
  /** The page receives no picture. */
  readonly soundOnly?: boolean | undefined;
}

export class NetworkCall {
  private constructor(
    readonly server: TestServer,
    readonly room: string,
    readonly network: ImpairedNetwork,
    readonly browser: Browser,
    readonly page: CallPage,
    readonly bot: Bot,
  ) {}

  /** A new call through a network with the given profile. */
  static async start(
    server: TestServer,
    room: string,
    profile: PathProfile = {},
    { seed = 1, textured = false, soundOnly = false }: NetworkCallOptions = {},
  ): Promise<NetworkCall> {
    const network = await ImpairedNetwork.start(server, profile, seed);
    const browser = await launchBrowser({
      colour: 'red',
      textured,
      frequency: 440,
      beeping: true,
    });
    const { signalUrl } = network;
    const page = await CallPage.join(browser, server, {
      room,
      name: 'Page',
      signalUrl,
      receiveVideo: !soundOnly,
    });
    const bot = await Bot.join(server, {
      room,
      name: 'Bot',
      flash: true,
      frequency: 1000,
      watchTile: tile(0, 2),
    });
    const call = new NetworkCall(server, room, network, browser, page, bot);
    await waitFor('the picture both ways', async () => {
      const { up, down } = await call.pictureFlows(1000);
      return up && (down || soundOnly);
    });
    return call;
  }

  /** Whether pictures moved in each direction within the next `ms`. */
  async pictureFlows(ms: number): Promise<{ both: boolean; up: boolean; down: boolean }> {
    await this.bot.report();
    const before = await this.page.inboundStats();
    await sleep(ms);
    const report = await this.bot.report();
    const after = await this.page.inboundStats();
    const down = (after['video.framesDecoded'] ?? 0) > (before['video.framesDecoded'] ?? 0);
    const up = report.tileGaps.length > 0;
    return { up, down, both: up && down };
  }

  /** Measures the call for some seconds. `during` may change the network meanwhile. */
  async measure(seconds: number, during?: () => Promise<void>): Promise<CallQuality> {
    const before = await this.snapshot();
    await this.bot.report();
    await Promise.all([sleep(seconds * 1000), during?.()]);
    const after = await this.snapshot();
    const report = await this.bot.report();
    const took = (after.at - before.at) / 1000;
    const delta = (name: string) => (after.page[name] ?? 0) - (before.page[name] ?? 0);
    const up = freezesOf(report.tileGaps);
    const { down: latencyDownMs, up: latencyUpMs } = await this.latency(
      before.at,
      after.at,
      report,
    );
    const playout = (kind: string) => after.page[`${kind}.estimatedPlayoutTimestamp`] ?? Number.NaN;
    return {
      seconds: took,
      framesPerSecond: delta('video.framesDecoded') / took,
      freezes: delta('video.freezeCount'),
      frozenMs: delta('video.totalFreezesDuration') * 1000,
      upFreezes: up.count,
      upFrozenMs: up.ms,
      upLongestGapMs: Math.max(0, ...report.tileGaps),
      concealedDown: delta('audio.concealedSamples') / delta('audio.totalSamplesReceived'),
      concealedUp: (after.concealed - before.concealed) / (took * 48_000),
      skewMs: playout('video') - playout('audio'),
      latencyDownMs,
      latencyUpMs,
      networkDownMs: delayOf(before.down, after.down),
      networkUpMs: delayOf(before.up, after.up),
    };
  }

  async ends(): Promise<void> {
    this.bot.kill();
    await this.browser.close();
    this.network.close();
  }

  /** Joins and leaves again and again. @returns how long each join took until media flowed, in ms. */
  joinTimes(count: number): Promise<number[]> {
    const { server, room, network } = this;
    const where = { url: network.signalUrl, sdk: `${server.url}/sdk.js`, room, count };
    return this.page.page.evaluate(async ({ url, sdk, room, count }) => {
      const { Room } = await import(sdk);
      const times: number[] = [];
      for (let i = 0; i < count; i++) {
        const since = performance.now();
        const joined = await Room.connect({ url, room, name: 'Joiner' }).catch(() => undefined);
        times.push(joined ? performance.now() - since : Number.POSITIVE_INFINITY);
        joined?.leave();
      }
      return times;
    }, where);
  }

  /** Counters of a participant, from the server's stats. */
  async counters(name = 'Page'): Promise<Record<string, number>> {
    const room = await this.server.room(this.room);
    return room?.participants.find((participant) => participant.name === name)?.counters ?? {};
  }

  /** States other than connected that the page's room went through since the last call. */
  connectionStates(): Promise<string[]> {
    return this.page.states();
  }

  /** Loses whole keyframes, retransmissions aside, and gives how long the picture then stood still. */
  async loseKeyframes(way: 'up' | 'down', count: number): Promise<number[]> {
    const gate = new KeyframeGate(this.network[way]);
    // A keyframe that another viewer requests goes to all viewers of the rendition.
    const asker =
      way === 'down'
        ? await RtpClient.join({
            url: this.server.signalUrl,
            room: this.room,
            name: 'Asker',
            codec: 'h264',
            viewer: true,
          })
        : undefined;
    await sleep(3000);
    const gaps: number[] = [];
    for (let i = 0; i < count; i++) {
      await (way === 'down' ? this.page.video() : this.bot.report());
      const before = gate.lost;
      gate.armed = true;
      await (asker ? asker.requestKeyframe() : this.page.sendKeyframe());
      await sleep(1500);
      gate.armed = false;
      const gap =
        way === 'down'
          ? (await this.page.video()).longestGapMs
          : Math.max(0, ...(await this.bot.report()).tileGaps);
      if (gate.lost > before) gaps.push(gap);
    }
    gate.remove();
    await asker?.close();
    return gaps;
  }

  /** Waits until the page is sent another rendition. @returns after how long, in ms; infinite if never. */
  async renditionIs(wanted: (rendition: number) => boolean, limitMs: number): Promise<number> {
    const since = Date.now();
    while (!wanted((await this.counters()).video_rendition ?? -1)) {
      if (Date.now() - since > limitMs) return Number.POSITIVE_INFINITY;
      await sleep(50);
    }
    return Date.now() - since;
  }

  /** Waits until the bottleneck's queue has dropped nothing for two seconds; not counting those. */
  async untilNothingIsDropped(limitMs: number): Promise<number> {
    const { counters } = this.network.down;
    const since = Date.now();
    let last = since;
    let dropped = counters.queue_dropped;
    while (Date.now() - last < 2000) {
      await sleep(50);
      if (Date.now() - since > limitMs) return Number.POSITIVE_INFINITY;
      if (counters.queue_dropped === dropped) continue;
      dropped = counters.queue_dropped;
      last = Date.now();
    }
    return last - since;
  }

  /** The longest run of concealed sound at the page since the last call, from its statistics. */
  async longestSilenceMs(): Promise<number> {
    return this.page.longestConcealmentMs();
  }

  private async snapshot(): Promise<Snapshot> {
    const [page, counters] = await Promise.all([this.page.inboundStats(), this.counters()]);
    const { up, down } = this.network;
    return {
      at: Date.now(),
      page,
      concealed: counters.audio_samples_concealed ?? 0,
      up: { ...up.counters },
      down: { ...down.counters },
    };
  }

  private async latency(
    from: number,
    to: number,
    report: BotReport,
  ): Promise<{ down: number; up: number }> {
    const { sent, heard } = await this.page.beeps();
    const within = (times: readonly number[]) => times.filter((at) => at > from && at < to - 1000);
    const botHeard = report.beeps.map((at) => at + report.timeOrigin);
    return {
      down: median(latencies(within(report.sentBeeps), heard)),
      up: median(latencies(within(sent), botHeard)),
    };
  }
}
