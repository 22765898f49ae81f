/** Hostile packets of all kinds, beside a call of real clients, which must not notice. */
import { createSocket } from 'node:dgram';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { RtpClient } from '../../src/bots/rtp-client.js';
import { Bot } from '../support/bot.js';
import { isColour } from '../support/expect-media.js';
import { flood, forgedDatagrams, udpPortsOf } from '../support/hostile.js';
import { ImpairedNetwork } from '../support/impaired-network.js';
import { sleep, TestServer, waitFor } from '../support/server.js';
import { soak } from '../support/soak.js';

let server: TestServer;
beforeAll(async () => {
  server = await TestServer.start();
});
afterAll(() => server?.close());

interface Call {
  readonly good: Bot;
  readonly eye: Bot;
}

/** A sender and a viewer, seen and heard. */
async function call(room: string, signalUrl = server.signalUrl): Promise<Call> {
  const good = await Bot.join(server, {
    room,
    name: 'Good',
    colour: 'green',
    frequency: 1000,
    signalUrl,
  });
  const eye = await Bot.join(server, { room, name: 'Eye', viewer: true });
  await waitFor('the tile', async () => isColour(await eye.colourAt(0.1, 0.3), 'green'));
  // The first second of a call is uneven by itself; the longest gap is measured from here on.
  await sleep(1000);
  await eye.report();
  return { good, eye };
}

async function expectUnharmed({ good, eye }: Call, room: string, count = 2): Promise<void> {
  const { longestGapMs } = await eye.report();
  expect(longestGapMs, 'longest gap').toBeLessThan(1000);
  expect(await eye.toneLevel(1000), 'level of the tone').toBeGreaterThan(-25);
  expect(isColour(await eye.colourAt(0.1, 0.3), 'green'), 'the tile').toBe(true);
  const stats = await server.room(room);
  expect(stats?.participants.map(({ state }) => state)).toEqual(new Array(count).fill('connected'));
  good.kill();
  eye.kill();
}

async function counters(room: string, name: string): Promise<Record<string, number>> {
  const stats = await server.room(room);
  return stats?.participants.find((participant) => participant.name === name)?.counters ?? {};
}

test('forged STUN, forged DTLS and garbage from other addresses do not disturb a call', async () => {
  const people = await call('strangers');
  const ports = await udpPortsOf(server.pid);
  const socket = createSocket('udp4');
  for (let round = 0; round < 100; round++) {
    for (const port of ports) {
      for (const datagram of forgedDatagrams()) socket.send(datagram, port, '127.0.0.1');
    }
    await sleep(10);
  }
  for (const name of ['Good', 'Eye']) {
    const found = await counters('strangers', name);
    expect(found.guard_stun_unauthenticated).toBeGreaterThan(50);
    expect(found.guard_unvalidated_address).toBeGreaterThan(50);
  }
  socket.close();
  await expectUnharmed(people, 'strangers');
});

test('the same from the client’s own address, before, during and after the handshake', async () => {
  const network = await ImpairedNetwork.start(server);
  const timer = setInterval(() => {
    for (const datagram of forgedDatagrams()) network.inject(datagram);
  }, 5);
  const people = await call('spoofed', network.signalUrl);
  await sleep(3000);
  clearInterval(timer);
  const found = await counters('spoofed', 'Good');
  expect(found.guard_dtls_refused).toBeGreaterThan(100);
  expect(found.guard_stun_unauthenticated).toBeGreaterThan(100);
  await expectUnharmed(people, 'spoofed');
  network.close();
});

/** Sends 50,000 packets of garbage a second beside a call. */
async function expectFloodEndured(seconds: number): Promise<void> {
  const room = `flood-${seconds}`;
  const people = await call(room);
  const { rss } = (await server.stats()).memory;
  const sent = await flood(await udpPortsOf(server.pid), 50_000, seconds);
  expect(sent).toBeGreaterThan(20_000 * seconds);
  let refused = 0;
  for (const name of ['Good', 'Eye']) {
    for (const [counter, value] of Object.entries(await counters(room, name))) {
      if (counter.startsWith('guard_')) refused += value;
    }
  }
  // The kernel drops what the server has no time for.
  expect(refused).toBeGreaterThan(1000 * seconds);
  expect((await server.stats()).memory.rss - rss).toBeLessThan(80 << 20);
  await expectUnharmed(people, room);
}

test('50,000 garbage packets a second for 2 s', () => expectFloodEndured(2));

soak('50,000 garbage packets a second for 10 s', () => expectFloodEndured(10));

test('replayed and tampered SRTP and SRTCP', async () => {
  const network = await ImpairedNetwork.start(server);
  const people = await call('replay', network.signalUrl);
  const before = await counters('replay', 'Good');
  network.up.gate = (data, pass) => {
    pass();
    if ((data[0] as number) >> 6 !== 2) return;
    const tampered = Buffer.from(data);
    tampered[data.length - 20] = (tampered[data.length - 20] as number) ^ 0x10;
    network.inject(data);
    network.inject(tampered);
  };
  await sleep(5000);
  network.up.gate = undefined;
  const after = await counters('replay', 'Good');
  const rise = (name: string) => (after[name] ?? 0) - (before[name] ?? 0);
  expect(rise('srtp_replayed')).toBeGreaterThan(100);
  expect(rise('srtp_auth_failed')).toBeGreaterThan(100);
  expect(rise('video_frames_lost')).toBe(0);
  await expectUnharmed(people, 'replay');
  network.close();
});

test('an authenticated peer with 20 times the packets, 10,000 SSRCs and padding for payload', async () => {
  const room = 'authentic';
  const people = await call(room);
  const bad = await RtpClient.join({ url: server.signalUrl, room, name: 'Bad' });
  const { rss } = (await server.stats()).memory;
  const header = { payloadType: 96, timestamp: 0, version: 2 };
  const started = Date.now();
  // 2,000 of video and as many of sound a second.
  for (let sent = 0; sent < 20_000; ) {
    for (; sent < (Date.now() - started) * 4 && sent < 20_000; sent++) {
      const audio = sent % 2 === 0;
      const payloadType = audio ? 111 : 96;
      const ssrc = audio ? 7 : 8;
      const sequenceNumber = (sent >> 1) & 0xffff;
      const timestamp = sent * 90;
      await bad.sendPacket(
        { ...header, payloadType, ssrc, sequenceNumber, timestamp },
        Buffer.alloc(200, sent),
      );
    }
    await sleep(5);
  }
  expect((await counters(room, 'Bad')).rtp_rate_limited).toBeGreaterThan(1000);
  for (let ssrc = 100; ssrc < 10_100; ssrc++) {
    await bad.sendPacket({ ...header, ssrc, sequenceNumber: 1 }, Buffer.alloc(100, 1));
    if (ssrc % 50 === 0) await sleep(5);
  }
  for (let i = 0; i < 500; i++) {
    // The padding is as long as the payload, or longer than the packet.
    const padding = Buffer.alloc(200, i % 2 === 0 ? 200 : 255);
    const fields = {
      ...header,
      ssrc: 8,
      sequenceNumber: 11_000 + i,
      padding: true,
      paddingSize: 200,
    };
    await bad.sendPacket(fields, padding);
    if (i % 50 === 0) await sleep(5);
  }
  const found = await counters(room, 'Bad');
  expect(found.srtp_streams_refused).toBeGreaterThan(9000);
  expect(found.rtp_malformed).toBeGreaterThan(0);
  expect((await server.stats()).memory.rss - rss).toBeLessThan(80 << 20);
  await expectUnharmed(people, room, 3);
  await bad.close();
});
