/** Every codec that libwebrtc and a real Chromium send: their pictures and tones are in the composite. */
import { expect, onTestFinished, test } from 'vitest';
import { Bot } from '../support/bot.js';
import { launchBrowser } from '../support/browser.js';
import { isColour, tile } from '../support/expect-media.js';
import type { ColourName } from '../support/fixtures.js';
import { TestServer, waitFor } from '../support/server.js';

const ROOM = 'codecs';

interface Sent {
  readonly name: string;
  readonly colour: ColourName;
  readonly frequency: number;
  readonly codecs: readonly [video: string, audio: string];
}

const LIBWEBRTC: readonly Sent[] = [
  { name: 'vp9', colour: 'red', frequency: 500, codecs: ['VP9', 'PCMU'] },
  { name: 'av1', colour: 'green', frequency: 700, codecs: ['AV1', 'G722'] },
  { name: 'vp8', colour: 'blue', frequency: 900, codecs: ['VP8', 'PCMA'] },
];

/** Publishes a canvas over WHIP in one codec. @returns why not, or the encoder that is in use. */
const PUBLISH = `async ({ url, codec, mode, rgb }) => {
  const capable = RTCRtpSender.getCapabilities('video').codecs;
  const wanted = capable.filter(({ mimeType }) => mimeType.toLowerCase() === codec);
  if (wanted.length === 0) return 'none';
  const pc = new RTCPeerConnection();
  const canvas = Object.assign(document.createElement('canvas'), { width: 640, height: 360 });
  const context = canvas.getContext('2d');
  let n = 0;
  setInterval(() => {
    context.fillStyle = rgb;
    context.fillRect(0, 0, 640, 360);
    context.fillStyle = n++ % 2 ? '#808080' : '#707070';
    context.fillRect(0, 0, 16, 16);
  }, 33);
  const [track] = canvas.captureStream(30).getVideoTracks();
  const sendEncodings = mode ? [{ scalabilityMode: mode }] : [{}];
  const transceiver = pc.addTransceiver(track, { direction: 'sendonly', sendEncodings });
  transceiver.setCodecPreferences(wanted);
  await pc.setLocalDescription(await pc.createOffer());
  const headers = { 'content-type': 'application/sdp' };
  const answer = await fetch(url, { method: 'POST', headers, body: pc.localDescription.sdp });
  const text = await answer.text();
  if (answer.status !== 201) return answer.status + ' ' + text;
  await pc.setRemoteDescription({ type: 'answer', sdp: text });
  window.connections = [...(window.connections ?? []), pc];
  return 'sent';
}`;

test('libwebrtc: VP9, AV1 and VP8, with G.711 and G.722', async () => {
  const server = await TestServer.start();
  onTestFinished(() => server.close());
  for (const { codecs: sends, ...options } of LIBWEBRTC) {
    const bot = await Bot.join(server, { room: ROOM, ...options, sends });
    onTestFinished(() => bot.kill());
  }
  const viewer = await Bot.join(server, { room: ROOM, name: 'viewer', viewer: true });
  onTestFinished(() => viewer.kill());
  for (const [index, { name, colour, frequency }] of LIBWEBRTC.entries()) {
    const { x, y, width, height } = tile(index, LIBWEBRTC.length);
    const seen = async () => isColour(await viewer.colourAt(x + width / 2, y + height / 2), colour);
    await waitFor(`the picture of ${name}`, seen, 30_000);
    const heard = async () => (await viewer.toneLevel(frequency)) > -40;
    await waitFor(`the tone of ${name}`, heard, 30_000);
  }
  const { counters } = (await server.room(ROOM)) ?? {};
  expect(counters?.video_frames_corrupt ?? 0).toBe(0);
  expect(counters?.audio_packets_invalid ?? 0).toBe(0);
}, 120_000);

test('Chromium: VP9 and AV1 in temporal and spatial layers, H.264, and H.265 where it has it', async () => {
  const server = await TestServer.start();
  onTestFinished(() => server.close());
  const browser = await launchBrowser();
  onTestFinished(() => browser.close());
  const page = await browser.newPage();
  await page.goto(`${server.url}/health`);
  const wanted = [
    { codec: 'video/vp9', mode: 'L1T3', rgb: '#ff0000', colour: 0 },
    { codec: 'video/av1', mode: 'L1T2', rgb: '#00ff00', colour: 1 },
    { codec: 'video/h264', mode: '', rgb: '#0000ff', colour: 2 },
    { codec: 'video/vp9', mode: 'L2T2_KEY', rgb: '#0000ff', colour: 2 },
    { codec: 'video/av1', mode: 'L2T1', rgb: '#ff0000', colour: 0 },
    { codec: 'video/h265', mode: '', rgb: '#ff0000', colour: 0 },
  ];
  const sent: (typeof wanted)[number][] = [];
  for (const one of wanted) {
    const url = `${server.url}/whip/${ROOM}?name=${one.codec.slice(6)}`;
    const argument = JSON.stringify({ url, ...one });
    const result = await page.evaluate<string>(`(${PUBLISH})(${argument})`);
    if (result === 'none') continue;
    expect(result, one.codec).toBe('sent');
    sent.push(one);
  }
  expect(sent.length).toBeGreaterThanOrEqual(3);
  const viewer = await Bot.join(server, { room: ROOM, name: 'viewer', viewer: true });
  onTestFinished(() => viewer.kill());
  for (const [index, { codec, colour }] of sent.entries()) {
    const { x, y, width, height } = tile(index, sent.length);
    const seen = async () => {
      const rgb = await viewer.colourAt(x + width / 2, y + height / 2);
      return rgb.every((value, at) => (at === colour ? value > 150 : value < 90));
    };
    await waitFor(`the picture of ${codec}`, seen, 30_000);
  }
}, 120_000);
