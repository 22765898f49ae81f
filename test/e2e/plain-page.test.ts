/**
 * A page in Chromium that has nothing of ours but the signalling protocol: plain `addTrack`, one m-line for
 * both directions, and changes under way.
 */
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { Bot } from '../support/bot.js';
import { launchBrowser } from '../support/browser.js';
import { TestServer, waitFor } from '../support/server.js';

let server: TestServer;
let browser: Browser;
let page: Page;
beforeAll(async () => {
  server = await TestServer.start();
  browser = await launchBrowser({ colour: 'red', frequency: 440 });
  page = await browser.newPage();
  page.on('pageerror', (error) => console.error(`page: ${error.message}`));
  await page.goto(`${server.url}/healthz`);
  await page.evaluate(IN_PAGE);
});
afterAll(async () => {
  await browser?.close();
  await server?.close();
});

/** Plain JavaScript, since it is passed as text. Sets `window.call`. */
const IN_PAGE = `(() => {
  const call = (window.call = { errors: [] });
  const pc = (call.pc = new RTCPeerConnection());
  const wait = (ms) => new Promise((done) => setTimeout(done, ms));
  call.join = async (url, room) => {
    pc.onicecandidate = ({ candidate }) =>
      candidate && call.send({ type: 'candidate', candidate: candidate.candidate });
    call.media = await navigator.mediaDevices.getUserMedia({ audio: true, video: true });
    for (const track of call.media.getTracks()) pc.addTrack(track, call.media);
    const socket = new WebSocket(url);
    call.send = (message) => socket.send(JSON.stringify(message));
    await new Promise((joined) => {
      socket.onopen = () => call.send({ type: 'join', room, name: 'Plain' });
      socket.onmessage = async ({ data }) => {
        const message = JSON.parse(data);
        if (message.type === 'welcome') joined();
        if (message.type === 'candidate') await pc.addIceCandidate({ candidate: message.candidate, sdpMLineIndex: 0 });
        if (message.type === 'answer') call.answered?.(message.sdp);
        if (message.type === 'error') { call.errors.push(message.code); call.answered?.(''); }
      };
    });
    await call.offer();
  };
  call.exchange = () => new Promise((resolve) => {
    call.answered = resolve;
    call.send({ type: 'offer', sdp: pc.localDescription.sdp });
  });
  call.offer = async () => {
    await pc.setLocalDescription();
    const sdp = await call.exchange();
    if (sdp) await pc.setRemoteDescription({ type: 'answer', sdp });
    return pc.getTransceivers().map(({ mid, currentDirection }) => [mid, currentDirection]);
  };
  // An offer whose answer comes too late: the page has changed its mind.
  call.rollback = async () => {
    pc.restartIce();
    await pc.setLocalDescription();
    await call.exchange();
    await pc.setLocalDescription({ type: 'rollback' });
  };
  call.stop = (kind) => {
    const found = pc.getTransceivers().find(({ sender, stopped }) => sender.track?.kind === kind);
    found.stop();
  };
  call.flows = async () => {
    const read = async () => {
      const out = {};
      for (const s of (await pc.getStats()).values()) {
        if (s.type === 'inbound-rtp') out[s.kind + 'In'] = (out[s.kind + 'In'] ?? 0) + (s.kind === 'video' ? s.framesDecoded : s.packetsReceived);
        if (s.type === 'outbound-rtp') out[s.kind + 'Out'] = (out[s.kind + 'Out'] ?? 0) + s.packetsSent;
      }
      return out;
    };
    const before = await read();
    await wait(700);
    const after = await read();
    return Object.keys(after).filter((key) => after[key] > (before[key] ?? 0)).sort().join(' ');
  };
})()`;

const run = <T>(code: string): Promise<T> => page.evaluate(`(async () => ${code})()`) as Promise<T>;
const flows = (wanted: string) =>
  waitFor(`${wanted} to flow`, async () => (await run<string>('call.flows()')) === wanted, 20_000);

test('it hears and sees the mix on the m-lines that it sends on, and is seen', async () => {
  const bot = await Bot.join(server, {
    room: 'plain',
    name: 'Bot',
    colour: 'blue',
    frequency: 700,
  });
  await run(`call.join('${server.signalUrl}', 'plain')`);
  await flows('audioIn audioOut videoIn videoOut');
  const directions = await run('call.pc.getTransceivers().map((one) => one.currentDirection)');
  expect(directions).toEqual(['sendrecv', 'sendrecv']);
  await waitFor('the page to be heard', async () => (await bot.toneLevel(440)) > -35);
  bot.kill();
});

test('a stopped transceiver leaves the rest as it was, and a new track takes its place', async () => {
  await run(`call.stop('video')`);
  expect(await run('call.offer()')).toEqual([['0', 'sendrecv']]);
  await flows('audioIn audioOut');
  await run('call.pc.addTrack(call.media.getVideoTracks()[0].clone(), call.media)');
  await run('call.offer()');
  await flows('audioIn audioOut videoIn videoOut');
  expect(await run('call.errors')).toEqual([]);
});

test('after a rollback the next offer is answered as if nothing had been', async () => {
  await run('call.rollback()');
  await run('call.offer()');
  await flows('audioIn audioOut videoIn videoOut');
  expect(await run('call.errors')).toEqual([]);
});
