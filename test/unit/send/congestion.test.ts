/** Congestion control against a simulated bottleneck, fed by the real feedback writer and reader. */
import { expect, test } from 'vitest';
import { randomFrom } from '../../../src/bots/random.js';
import { lifelineOf } from '../../../src/config/rendition-ladder.js';
import { RembEstimator } from '../../../src/receive/remb-estimator.js';
import { TransportFeedbackGenerator } from '../../../src/receive/transport-feedback.js';
import { type OutputStep, outputSteps } from '../../../src/rooms/renditions.js';
import { buildRemb, buildTransportFeedback, parseRtcp } from '../../../src/rtp/rtcp.js';
import { BandwidthEstimator } from '../../../src/send/bandwidth-estimator.js';
import { type PacedPacket, PacedSender } from '../../../src/send/paced-sender.js';
import { RenditionSelector } from '../../../src/send/rendition-selector.js';
import { readTransportFeedback } from '../../../src/send/transport-feedback-reader.js';
import { ByteRate } from '../../../src/util/byte-rate.js';

const MS = 1000;
const RENDITIONS = [
  { width: 1280, height: 720, frameRate: 30, bitrateBps: 1_800_000 },
  { width: 640, height: 360, frameRate: 30, bitrateBps: 600_000 },
  { width: 320, height: 180, frameRate: 15, bitrateBps: 150_000 },
];
const MIX = {
  width: 1280,
  height: 720,
  frameRate: 30,
  renditions: [...RENDITIONS, ...lifelineOf(RENDITIONS, 2, 30_000)],
  hardware: undefined,
  audioChannels: 1,
  audioBitrateBps: 48_000,
  lowAudioBitrateBps: 16_000,
  fit: 'crop',
  labels: true,
  maxSpeakers: 8,
  levelling: false,
  noiseGate: true,
  stereoPlacement: false,
  pixelRates: { source: 140e6, room: 600e6 },
  loadControl: false,
} as const;
const LIFELINE = 3;

interface Link {
  rateBps: number;
  lossShare: number;
}

/** A sender with renditions on a link with 25 ms of delay and a drop-tail queue of 300 ms. */
class Simulation {
  readonly link: Link = { rateBps: 3e6, lossShare: 0 };
  readonly estimator = new BandwidthEstimator({ startBps: 2e6, minBps: 3e4, maxBps: 3.6e6 });
  private readonly steps: readonly OutputStep[];
  readonly selector: RenditionSelector;
  now = 10_000_000;
  longestAudioGap = 0;
  readonly history: number[] = [];
  private readonly random = randomFrom(7);
  private readonly receiver = new TransportFeedbackGenerator();
  private freeAt = 0;
  private flying: { number: number; at: number; audio: boolean }[] = [];
  private feedbacks: { at: number; body: Buffer }[] = [];
  private lastAudio = 0;
  private probeUntil = 0;
  private probeBps = 0;
  private probeOwed = 0;
  private queuedBits = 0;
  private offered: { at: number; bytes: number }[] = [];
  private arrived: { number: number; at: number }[] = [];

  /** @param repeats whether each feedback message repeats the last second, as that of libwebrtc does after reordering. */
  constructor(
    private readonly codec: 'vp8' | 'h264' = 'h264',
    private readonly repeats = false,
  ) {
    this.steps = outputSteps(MIX, codec);
    this.selector = new RenditionSelector(this.steps.map(({ needBps }) => needBps));
  }

  get sent(): OutputStep {
    return this.steps[this.selector.wanted] as OutputStep;
  }

  run(seconds: number): void {
    const end = this.now + seconds * 1e6;
    for (; this.now < end; this.now += 10 * MS) this.step();
  }

  private step(): void {
    const { now } = this;
    const tick = Math.round(now / (10 * MS));
    const { rendition, temporalLayer, lowAudio } = this.sent;
    const layers = temporalLayer === 0 && this.codec === 'vp8' && rendition !== LIFELINE;
    const bitrate =
      rendition === undefined
        ? 0
        : (MIX.renditions[rendition]?.bitrateBps ?? 0) * (layers ? 0.6 : 1);
    if (lowAudio ? tick % 6 === 0 : tick % 2 === 0) this.send(184, true);
    if (rendition === LIFELINE) {
      if (tick % 200 === 0) for (let i = 0; i < 7; i++) this.send(1100, false);
    } else if (tick % 3 === 0) {
      for (let left = (bitrate * 0.03) / 8; left > 0; left -= 1100)
        this.send(Math.min(1100, left), false);
    }
    if (now < this.probeUntil) {
      for (this.probeOwed += this.probeBps / 800; this.probeOwed > 0; this.probeOwed -= 1100)
        this.send(1100, false);
    } else if (this.probeUntil > 0) {
      this.probeUntil = 0;
      this.estimator.endProbe(now);
    }
    this.flying = this.flying.filter(({ at, number, audio }) => {
      if (at > now) return true;
      this.receiver.received(number, at);
      this.arrived.push({ number, at });
      if (audio) {
        if (this.lastAudio)
          this.longestAudioGap = Math.max(this.longestAudioGap, at - this.lastAudio);
        this.lastAudio = at;
      }
      return false;
    });
    if (tick % 10 === 0) {
      const fresh = this.receiver.build();
      const body = fresh && this.repeats ? this.repeated() : fresh;
      if (body)
        this.feedbacks.push({ at: now + 25 * MS, body: buildTransportFeedback(1, 2, body) });
    }
    for (const { body } of this.feedbacks.filter(({ at }) => at <= now)) {
      this.estimator.feedback(body, 50 * MS, now);
    }
    this.feedbacks = this.feedbacks.filter(({ at }) => at > now);
    if (tick % 5 !== 0) return;
    this.offered = this.offered.filter(({ at }) => at > now - 1e6);
    const offeredBps = this.offered.reduce((sum, { bytes }) => sum + bytes, 0) * 8;
    const estimateBps = this.estimator.bitrateBps;
    // The pacer's queue, which grows once more is made than it lets out.
    const owed = Math.max(0, offeredBps - 1.2 * estimateBps) * 0.05;
    this.queuedBits = owed > 0 ? this.queuedBits + owed : 0;
    const queueMicros = (this.queuedBits / estimateBps) * 1e6;
    this.selector.update({ estimateBps, offeredBps, queueMicros }, now);
    if (process.env.DBG && tick % 50 === 0)
      console.log(
        ((now - 10_000_000) / 1e6).toFixed(1),
        'link',
        this.link.rateBps / 1000,
        'est',
        Math.round(estimateBps / 1000),
        'off',
        Math.round(offeredBps / 1000),
        'q',
        Math.round(queueMicros / 1000),
        'step',
        this.selector.wanted,
      );
    this.history.push(this.sent.rendition ?? Number.POSITIVE_INFINITY);
    const probe =
      now < this.probeUntil + 500 * MS
        ? undefined
        : this.selector.probeDue(this.estimator.bitrateBps, now);
    if (probe !== undefined) {
      this.estimator.startProbe(probe);
      this.probeBps = probe;
      this.probeOwed = 0;
      this.probeUntil = now + Math.max(100 * MS, 2e10 / probe);
    }
  }

  private repeated(): Buffer | undefined {
    this.arrived = this.arrived.filter(({ at }) => at > this.now - 1e6);
    const receiver = new TransportFeedbackGenerator();
    for (const { number, at } of this.arrived) receiver.received(number, at);
    return receiver.build();
  }

  private send(bytes: number, audio: boolean): void {
    this.offered.push({ at: this.now, bytes });
    const number = this.estimator.sent(1, 0, bytes, this.now);
    if (this.random() < this.link.lossShare) return;
    const start = Math.max(this.now, this.freeAt);
    if (start - this.now > 300 * MS) return;
    this.freeAt = start + (bytes * 8e6) / this.link.rateBps;
    this.flying.push({ number, at: this.freeAt + 25 * MS, audio });
  }
}

test('feedback is read as it was written: arrivals, losses, order', () => {
  const writer = new TransportFeedbackGenerator();
  const base = 64_000_000;
  for (const [sequence, ms] of [
    [65_533, 0],
    [65_535, 3],
    [0, 80],
    [2, 81],
    [1, 82],
  ] as const) {
    writer.received(sequence, base + ms * MS);
  }
  const fates = readTransportFeedback(buildTransportFeedback(1, 2, writer.build() as Buffer));
  expect(fates.map(({ sequence }) => sequence)).toEqual([65_533, 65_534, 65_535, 0, 1, 2]);
  expect(
    fates.map(({ arrival }) => (arrival === undefined ? undefined : (arrival - base) / MS)),
  ).toEqual([0, undefined, 3, 80, 82, 81]);
});

test('malformed feedback gives nothing, never an exception', () => {
  const good = buildTransportFeedback(1, 2, Buffer.from([0, 1, 0xff, 0xff, 0, 0, 0, 0, 0x20, 1]));
  for (let length = 0; length <= good.length; length++) {
    expect(() => readTransportFeedback(good.subarray(0, length))).not.toThrow();
  }
  expect(readTransportFeedback(Buffer.alloc(20, 0xff))).toEqual([]);
});

test('a wide path keeps the best rendition', () => {
  const simulation = new Simulation();
  simulation.run(60);
  expect(new Set(simulation.history)).toEqual(new Set([0]));
  expect(simulation.estimator.bitrateBps).toBeGreaterThan(1_800_000);
});

test('2000 to 300 to 2000 kbit/s: down within 3 s, audio goes on, up again within 15 s', () => {
  const simulation = new Simulation();
  simulation.link.rateBps = 2.2e6;
  simulation.run(10);
  simulation.longestAudioGap = 0;
  simulation.link.rateBps = 300_000;
  simulation.run(3);
  expect(simulation.sent.rendition).toBeGreaterThanOrEqual(2);
  simulation.run(19);
  expect(simulation.sent.rendition).toBe(2);
  expect(simulation.longestAudioGap / MS).toBeLessThan(500);
  simulation.link.rateBps = 2.2e6;
  simulation.run(15);
  expect(simulation.sent.rendition).toBe(0);
});

test('a path that loses a steady tenth by itself is not starved for it', () => {
  const simulation = new Simulation();
  simulation.link.lossShare = 0.1;
  simulation.run(60);
  expect(simulation.history.slice(-600).every((wanted) => wanted <= 1)).toBe(true);
});

test('a narrowing path goes down the ladder to audio alone and back: half the frame rate goes before the size', () => {
  const simulation = new Simulation('vp8');
  const settles = (rateBps: number, seconds: number) => {
    simulation.link.rateBps = rateBps;
    simulation.run(seconds);
    const last = simulation.history.slice(-100);
    return last[last.length >> 1];
  };
  expect(settles(3_000_000, 10)).toBe(0);
  expect(simulation.sent.temporalLayer).toBe(1);
  expect(settles(1_500_000, 15)).toBe(0);
  expect(simulation.sent.temporalLayer).toBe(0);
  expect(settles(400_000, 20)).toBeGreaterThanOrEqual(1);
  expect(settles(100_000, 20)).toBe(LIFELINE);
  simulation.longestAudioGap = 0;
  expect(settles(30_000, 20)).toBe(Number.POSITIVE_INFINITY);
  expect(simulation.longestAudioGap / MS).toBeLessThan(700);
  simulation.longestAudioGap = 0;
  simulation.run(30);
  expect(simulation.longestAudioGap / MS).toBeLessThan(500);
  expect(settles(3_000_000, 40)).toBe(0);
  expect(simulation.sent.temporalLayer).toBe(1);
});

test('feedback that repeats reports is counted once', () => {
  const histories = [false, true].map((repeats) => {
    const simulation = new Simulation('vp8', repeats);
    const estimates: number[] = [];
    for (const rateBps of [2_000_000, 400_000, 100_000]) {
      simulation.link.rateBps = rateBps;
      for (let i = 0; i < 100; i++) {
        simulation.run(0.1);
        estimates.push(simulation.estimator.bitrateBps);
      }
    }
    return estimates;
  });
  expect(histories[1]).toEqual(histories[0]);
});

test('a lost packet that arrives late counts once as lost and once as carried', () => {
  const estimator = new BandwidthEstimator({ startBps: 2e6, minBps: 3e4, maxBps: 3.6e6 });
  const receiver = new TransportFeedbackGenerator();
  const COUNT = 20;
  const tell = (now: number) => {
    const body = receiver.build() as Buffer;
    return estimator.feedback(buildTransportFeedback(1, 2, body), 50 * MS, now);
  };
  const at = (i: number) => 10_000_000 + i * 20 * MS;
  for (let i = 0; i < COUNT; i++) {
    estimator.sent(1, i, 972, at(i));
    if (i % 2 === 0) receiver.received(i, at(i));
  }
  const odd = Array.from({ length: COUNT / 2 - 1 }, (_, i) => 2 * i + 1);
  expect(tell(at(COUNT)).map(({ sequence }) => sequence)).toEqual(odd);
  expect(estimator.carriedBps()).toBe(10_000 * 16);
  // They arrive later under their own numbers, and all of them are reported again.
  for (let again = 0; again < 2; again++) {
    for (let i = 0; i < COUNT; i++) receiver.received(i, i % 2 === 0 ? at(i) : at(COUNT));
    expect(tell(at(COUNT + 5))).toEqual([]);
    expect(estimator.carriedBps()).toBe(20_000 * 16);
  }
});

test('a rate does not depend on the order of its reports', () => {
  const times = [0, 100, 200, 300, 400, 500];
  const rates = [times, [100, 0, 300, 200, 500, 400]].map((order) => {
    const rate = new ByteRate(500 * MS);
    for (const ms of order) rate.add(1000 + ms, ms * MS);
    return [rate.bps(), rate.bps(undefined, 200 * MS)];
  });
  expect(rates[0]).toEqual([(5000 + 1500) * 16, (2000 + 900) * 40]);
  expect(rates[1]).toEqual(rates[0]);
});

test('a receiver that needs no more is not sent more, and gets it back at once', () => {
  const simulation = new Simulation();
  simulation.run(10);
  const { selector, estimator } = simulation;
  expect(selector.limit(2, estimator.bitrateBps, simulation.now)).toBe(true);
  simulation.run(20);
  expect(new Set(simulation.history.slice(-300))).toEqual(new Set([2]));
  expect(selector.limit(0, estimator.bitrateBps, simulation.now)).toBe(true);
  expect(simulation.sent.rendition).toBe(0);
});

test('a keyframe is paced, audio and retransmissions overtake it, and the order is kept', () => {
  const estimator = new BandwidthEstimator({ startBps: 1e6, minBps: 1e4, maxBps: 1e7 });
  const sender = new PacedSender({ sendRtp: () => true, sendRtcp: () => true }, estimator, 0);
  const left: [string, number][] = [];
  const packet = (name: string): PacedPacket => ({
    size: 1200,
    depart: (now) => left.push([name, now]),
    dropped: () => {},
  });
  for (let i = 0; i < 50; i++) sender.pace(packet(`k${i}`), 0);
  expect(left.length).toBeGreaterThan(5);
  expect(left.length).toBeLessThan(15);
  sender.repair(packet('repair'), 0);
  for (let now = 10 * MS; now <= 400 * MS; now += 10 * MS) sender.tick(now);
  expect(left).toHaveLength(51);
  const names = left.map(([name]) => name);
  expect(names.indexOf('repair')).toBeLessThan(15);
  expect(names.filter((name) => name !== 'repair')).toEqual(
    Array.from({ length: 50 }, (_, i) => `k${i}`),
  );
  const lastAt = left.at(-1)?.[1] ?? 0;
  expect(lastAt).toBeGreaterThan(100 * MS);
  expect(lastAt).toBeLessThan(250 * MS);
});

test('the receiver-side estimate finds a bottleneck, and does not limit a wide path', () => {
  for (const [linkBps, least, most] of [
    [800_000, 500_000, 1_000_000],
    [20_000_000, 1_200_000, 2_500_000],
  ] as const) {
    const estimator = new RembEstimator();
    let now = 5_000_000;
    let freeAt = 0;
    let asked = 500_000;
    const arriving: { at: number; sent: number }[] = [];
    for (; now < 45_000_000; now += 10 * MS) {
      // A sender that sends at the requested rate, at most 1.5 Mbit/s.
      const packets = (Math.min(asked, 1.5e6) * 0.01) / 8 / 1000;
      for (let i = 0; i < packets; i++) {
        freeAt = Math.max(now, freeAt) + 8e9 / linkBps;
        arriving.push({ at: freeAt + 20 * MS, sent: now });
      }
      while (arriving[0] && arriving[0].at <= now) {
        const { at, sent } = arriving.shift() as { at: number; sent: number };
        estimator.received(Math.round((sent / 1e6) * (1 << 18)) % 0x100_0000, 1000, at);
      }
      asked = estimator.due(40 * MS, now) ?? asked;
    }
    expect(asked, `${linkBps} bit/s`).toBeGreaterThan(least);
    expect(asked, `${linkBps} bit/s`).toBeLessThan(most);
  }
  const [parsed] = parseRtcp(buildRemb(1, 1_234_567, [2, 3]));
  expect(parsed).toMatchObject({ type: 'remb' });
  expect((parsed as { bitrateBps: number }).bitrateBps / 1_234_567).toBeCloseTo(1, 4);
});
