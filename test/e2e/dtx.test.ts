/** Discontinuous transmission with a real Chromium: silence is not sent, and no speech is lost. */
import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { Bot } from '../support/bot.js';
import { CallPage, launchBrowser } from '../support/browser.js';
import { sleep, TestServer, waitFor } from '../support/server.js';

let server: TestServer;
let browser: Browser;
let bot: Bot;
beforeAll(async () => {
  server = await TestServer.start({ TESSERA_AUDIO_DTX: 'on' });
  browser = await launchBrowser({ colour: 'red', frequency: 700, beeping: true });
  bot = await Bot.join(server, { room: 'dtx', name: 'Bot', audio: false, video: false });
});
afterAll(async () => {
  bot?.kill();
  await browser?.close();
  await server?.close();
});

test('of one beep a second little more than the beep is sent, and every beep is heard whole', async () => {
  const client = await CallPage.join(browser, server, { room: 'dtx', name: 'Ada', video: false });
  const packets = () =>
    client.page.evaluate(`(async () => {
      const stats = [...(await window.tessera.room.peerConnection.getStats()).values()];
      return stats.find(({ type, kind }) => type === 'outbound-rtp' && kind === 'audio').packetsSent;
    })()`) as Promise<number>;
  await waitFor('the beeps', async () => (await bot.report()).beeps.length > 3);
  const counters = async () => {
    const room = await server.room('dtx');
    return room?.participants.find(({ name }) => name === 'Ada')?.counters ?? {};
  };
  const [sentBefore, before, heardBefore] = [
    await packets(),
    await counters(),
    (await bot.report()).beeps.length,
  ];
  const begun = Date.now();
  await sleep(5000);
  const seconds = (Date.now() - begun) / 1000;
  const [sent, after, heard] = [
    (await packets()) - sentBefore,
    await counters(),
    (await bot.report()).beeps.length - heardBefore,
  ];
  const grown = (name: string) => (after[name] ?? 0) - (before[name] ?? 0);
  console.log(
    `${(sent / seconds).toFixed(1)} packets a second, ${grown('audio_frames_decoded')} decoded, ` +
      `${grown('audio_samples_concealed')} samples concealed, ${heard} beeps in ${seconds} s`,
  );
  expect(sent / seconds).toBeLessThan(45);
  expect(grown('audio_packets_silent')).toBeGreaterThan(3);
  expect(heard).toBeGreaterThanOrEqual(Math.floor(seconds) - 1);
  // 1 % of the time.
  expect(grown('audio_samples_concealed')).toBeLessThan(480 * seconds);
  expect(grown('audio_packets_late')).toBeLessThan(5);
});
