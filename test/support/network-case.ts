/** What the cases of a call over a bad network are made of. */
import { expect } from 'vitest';
import { RtpClient } from '../../src/bots/rtp-client.js';
import { packetizeVp8 } from '../../src/codecs/vp8-packetizer.js';
import type { Bot } from './bot.js';
import { encodeMoving } from './encoded.js';
import type { PathProfile } from './impaired-path.js';
import { type CallQuality, freezesOf, type NetworkCall } from './network-call.js';
import { sleep } from './server.js';

export interface CaseResult {
  readonly quality: CallQuality | undefined;
  /** What was measured, in words and numbers, for the table. */
  readonly found: string;
}

export interface NetworkCase {
  readonly name: string;
  readonly goal: string;
  /** Of the network as the call begins. */
  readonly profile: PathProfile;
  /** The page's camera has a picture with large keyframes. */
  readonly textured?: boolean;
  /** The page receives no picture: browsers hold the sound back with one that is late. */
  readonly soundOnly?: boolean;
  /** Runs on a call of its own. Throws if the goal is missed. */
  run(call: NetworkCall, full: boolean): Promise<CaseResult>;
}

export const percent = (share: number) => `${(share * 100).toFixed(2)} %`;
export const ms = (value: number) => `${value.toFixed(0)} ms`;
const perMinute = (value: number, { seconds }: CallQuality) => (value * 60) / seconds;

export function describe(quality: CallQuality): string {
  const { framesPerSecond, freezes, frozenMs, concealedDown, concealedUp } = quality;
  return (
    `${framesPerSecond.toFixed(1)} fps, frozen ${ms(perMinute(frozenMs, quality))}/min in ${freezes} freezes, ` +
    `concealed ${percent(concealedDown)}; up: frozen ${ms(perMinute(quality.upFrozenMs, quality))}/min, ` +
    `concealed ${percent(concealedUp)}`
  );
}

/** A freeze weighs more in a short run: one of a second long run's share is always allowed. */
export function expectFrozen(quality: CallQuality, msPerMinute: number): void {
  const allowed = Math.max((msPerMinute * quality.seconds) / 60, 1000);
  expect(quality.frozenMs, 'frozen').toBeLessThanOrEqual(allowed);
}

export function steady(
  name: string,
  goal: string,
  profile: PathProfile,
  check: (quality: CallQuality, call: NetworkCall) => void | Promise<void>,
  words: (quality: CallQuality) => string = describe,
  seconds = 60,
): NetworkCase {
  return {
    name,
    goal,
    profile,
    run: async (call, full) => {
      await sleep(3000);
      const quality = await call.measure(full ? seconds : 12);
      await check(quality, call);
      return { quality, found: words(quality) };
    },
  };
}

/** Until both directions show moving pictures again after something happened. */
export async function untilBack(call: NetworkCall, limitMs: number): Promise<number> {
  const since = Date.now();
  for (;;) {
    const { both } = await call.pictureFlows(150);
    if (both) return Date.now() - since;
    if (Date.now() - since > limitMs) return Number.POSITIVE_INFINITY;
  }
}

/** Of the sound, from the clean case, if that was run before. */
let cleanLatency = { up: 70, down: 120 };

/** Later cases of jitter compare their delay of sound with this one. */
export function rememberCleanLatency({ latencyUpMs, latencyDownMs }: CallQuality): void {
  cleanLatency = { up: latencyUpMs, down: latencyDownMs };
}

export function jitter(
  name: string,
  check: (down: number, up: number, full: boolean) => void,
): Omit<NetworkCase, 'goal'> {
  return {
    name,
    profile: { delayMs: 60, jitterSigmaMs: 30, reorder: 0.02 },
    run: async (call, full) => {
      await sleep(10_000);
      const quality = await call.measure(full ? 60 : 15);
      const down = quality.latencyDownMs - cleanLatency.down - quality.networkDownMs;
      const up = quality.latencyUpMs - cleanLatency.up - quality.networkUpMs;
      const found = `sound +${ms(down)} down, +${ms(up)} up; concealed ${percent(quality.concealedDown)} down, ${percent(quality.concealedUp)} up`;
      check(down, up, full);
      expect(quality.concealedDown, 'concealed down').toBeLessThanOrEqual(0.01);
      expect(quality.concealedUp, 'concealed up').toBeLessThanOrEqual(0.01);
      return { quality, found };
    },
  };
}

/** Sends video over the wrap of its sequence numbers and loses some of them, repairs aside. */
export async function loseOverWrap(
  call: NetworkCall,
  name: string,
  lost: (sequence: number) => boolean,
) {
  const { network, room } = call;
  const dropped = new Set<number>();
  network.up.gate = (data, pass) => {
    const isVideo = (data[0] as number) >> 6 === 2 && ((data[1] as number) & 0x7f) === 96;
    const sequence = data.readUInt16BE(2);
    if (isVideo && lost(sequence) && !dropped.has(sequence)) dropped.add(sequence);
    else pass();
  };
  await call.page.call('setCameraEnabled', false);
  const client = await RtpClient.join({ url: network.signalUrl, room, name, sequence: 65_400 });
  const frames = await encodeMoving('vp8', 60);
  const send = async (count: number) => {
    for (let i = 0; i < count; i++) {
      const payloads = packetizeVp8(frames[i % frames.length] as Buffer, i);
      client.sendRtp('video', payloads, (sent++ * 3000) >>> 0);
      await sleep(33);
    }
  };
  let sent = 0;
  while (client.sentVideo < 420) await send(30);
  const before = await call.counters(name);
  await send(90);
  const after = await call.counters(name);
  network.up.gate = undefined;
  await client.close();
  const { video_frames_received: framesBefore = 0 } = before;
  return {
    lost: dropped.size,
    framesLost: after.video_frames_lost ?? 0,
    framesAfter: (after.video_frames_received ?? 0) - framesBefore,
  };
}

/** How three senders beside the page come through, at one of them that watches the third's tile. */
export async function seenOfOthers(call: NetworkCall, watcher: Bot, seconds: number) {
  const names = ['Bot', 'Third', 'Fourth'];
  const concealed = async () => {
    const all = await Promise.all(names.map((name) => call.counters(name)));
    return all.reduce((sum, counters) => sum + (counters.audio_samples_concealed ?? 0), 0);
  };
  const before = await concealed();
  await watcher.report();
  await sleep(seconds * 1000);
  const { tileGaps } = await watcher.report();
  return {
    framesPerSecond: tileGaps.length / seconds,
    freezes: freezesOf(tileGaps).count,
    share: ((await concealed()) - before) / (names.length * seconds * 48_000),
  };
}

/** How long the measurement in `untilBack` takes on a busy machine. */
export const MEASURING_MS = 500;

/**
 * Times are goals of the bench, on a machine that does nothing else. The short form in the tests may
 * run beside anything: it gives twice the time and a second, and finds what is broken, not what is slow.
 */
export function timeFor(ms: number, full: boolean): number {
  return full ? ms : 2 * ms + 1000;
}
