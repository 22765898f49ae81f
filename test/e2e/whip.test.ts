/**
 * WHIP and WHEP with foreign clients: FFmpeg's muxer, GStreamer's webrtcbin, and a page
 * in Chromium that has nothing of ours.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import type { Page } from 'playwright-core';
import { afterAll, beforeAll, onTestFinished, test } from 'vitest';
import { launchBrowser } from '../support/browser.js';
import { isColour, tile } from '../support/expect-media.js';
import { TestServer, waitFor } from '../support/server.js';

const ROOM = 'studio';
const FFMPEG = fileURLToPath(new URL('../support/ffmpeg-whip.ts', import.meta.url));
const GSTREAMER = fileURLToPath(new URL('../support/gstreamer-client.py', import.meta.url));

let server: TestServer;
beforeAll(async () => {
  server = await TestServer.start();
});
afterAll(() => server?.close());

const names = async () => ((await server.room(ROOM))?.participants ?? []).map(({ name }) => name);
const comes = (name: string) =>
  waitFor(`${name} to be in`, async () => (await names()).includes(name), 30_000);

function run(command: string, ...args: string[]): ChildProcess {
  const child = spawn(command, args, { stdio: ['ignore', 'pipe', 'inherit'] });
  onTestFinished(() => void child.kill('SIGKILL'));
  return child;
}

const ffmpeg = (hertz: number) =>
  run(
    process.execPath,
    '--import',
    'tsx',
    FFMPEG,
    `${server.url}/whip/${ROOM}?name=FFmpeg`,
    `${hertz}`,
  );

interface Seen {
  readonly colour: [number, number, number] | null;
  readonly width: number;
  readonly height: number;
  readonly frames: number;
  /** In dBFS. */
  readonly level: number;
}

/** GStreamer takes HD pictures for BT.709, whose colours are somewhat others: red, green or blue by index. */
const isMostly = (colour: Seen['colour'], index: number) =>
  colour?.every((value, at) => (at === index ? value > 120 : value < 70)) ?? false;

/** The latest of what webrtcbin received at a point of the composite. */
function gstreamerPlayer(x: number, y: number, hertz: number, query = ''): () => Seen | undefined {
  let seen: Seen | undefined;
  const url = `${server.url}/whep/${ROOM}${query}`;
  const child = run('/usr/bin/python3', GSTREAMER, 'whep', url, `${x}`, `${y}`, `${hertz}`);
  createInterface({ input: child.stdout as NodeJS.ReadableStream }).on('line', (line) => {
    const report = JSON.parse(line);
    if (report.error) throw new Error(report.error);
    if (report.frames > 0) seen = report;
  });
  return () => seen;
}

const centre = ({ x, y, width, height }: ReturnType<typeof tile>) =>
  [x + width / 2, y + height / 2] as const;

/** Publishes a red canvas and a tone, or plays, with nothing but the browser's own means. */
const BARE_PAGE = `
  window.start = async (url, sends, hertz) => {
    const pc = new RTCPeerConnection();
    const sound = new AudioContext({ sampleRate: 48000 });
    if (sends) {
      const canvas = Object.assign(document.createElement('canvas'), { width: 640, height: 360 });
      const context = canvas.getContext('2d');
      let count = 0;
      setInterval(() => {
        context.fillStyle = 'rgb(200,30,30)';
        context.fillRect(0, 0, 640, 360);
        context.fillStyle = 'white';
        context.fillRect((count++ * 8) % 600, 340, 20, 20);
      }, 40);
      const tone = new OscillatorNode(sound, { frequency: hertz });
      const out = sound.createMediaStreamDestination();
      tone.connect(new GainNode(sound, { gain: 0.2 })).connect(out);
      tone.start();
      for (const track of [...canvas.captureStream(25).getTracks(), ...out.stream.getTracks()])
        pc.addTransceiver(track, { direction: 'sendonly' });
    } else {
      for (const kind of ['audio', 'video']) pc.addTransceiver(kind, { direction: 'recvonly' });
      const stream = new MediaStream();
      const video = Object.assign(document.createElement('video'), { muted: true, autoplay: true });
      document.body.append(video);
      video.srcObject = stream;
      pc.ontrack = ({ track }) => {
        stream.addTrack(track);
        if (track.kind === 'video') return;
        const analyser = (window.analyser = new AnalyserNode(sound, { fftSize: 8192 }));
        sound.createMediaStreamSource(new MediaStream([track])).connect(analyser);
      };
      window.video = video;
    }
    await pc.setLocalDescription();
    await new Promise((done) => {
      pc.onicegatheringstatechange = () => pc.iceGatheringState === 'complete' && done();
    });
    const headers = { 'content-type': 'application/sdp' };
    const answer = await fetch(url, { method: 'POST', headers, body: pc.localDescription.sdp });
    if (answer.status !== 201) throw new Error(await answer.text());
    await pc.setRemoteDescription({ type: 'answer', sdp: await answer.text() });
    const session = new URL(answer.headers.get('location'), answer.url).href;
    window.stop = () => fetch(session, { method: 'DELETE' });
    window.restartIce = async () => {
      pc.restartIce();
      await pc.setLocalDescription();
      while (pc.iceGatheringState !== 'complete') await new Promise((done) => setTimeout(done, 20));
      const lines = pc.localDescription.sdp.split('\\r\\n');
      const pick = (pattern) => lines.filter((line) => pattern.test(line));
      const fragment = [
        pick(/^a=ice-ufrag/)[0],
        pick(/^a=ice-pwd/)[0],
        pick(/^m=/)[0],
        pick(/^a=mid/)[0],
        ...new Set(pick(/^a=candidate/)),
        '',
      ].join('\\r\\n');
      const restarted = await fetch(session, {
        method: 'PATCH',
        headers: { 'content-type': 'application/trickle-ice-sdpfrag', 'if-match': '*' },
        body: fragment,
      });
      if (restarted.status !== 200) throw new Error(await restarted.text());
      const theirs = (await restarted.text()).split('\\r\\n');
      const [ufrag, pwd] = theirs;
      const candidates = theirs.filter((line) => line.startsWith('a=candidate'));
      const old = pc.remoteDescription.sdp.split('\\r\\n');
      const sdp = old
        .filter((line) => !line.startsWith('a=candidate'))
        .flatMap((line) =>
          line.startsWith('a=ice-ufrag') ? [ufrag] : line.startsWith('a=ice-pwd') ? [pwd, ...candidates] : [line],
        )
        .join('\\r\\n');
      await pc.setRemoteDescription({ type: 'answer', sdp });
      return ufrag;
    };
    window.frames = async () =>
      [...(await pc.getStats()).values()].find(({ type, kind }) => type === 'inbound-rtp' && kind === 'video')
        ?.framesDecoded ?? 0;
    window.remoteFragment = async () => {
      const all = await pc.getStats();
      const transport = [...all.values()].find(({ type }) => type === 'transport');
      return all.get(transport.selectedCandidatePairId)?.remoteCandidateId &&
        all.get(all.get(transport.selectedCandidatePairId).remoteCandidateId).usernameFragment;
    };
  };
  window.colourAt = (x, y) => {
    const canvas = new OffscreenCanvas(1, 1);
    const context = canvas.getContext('2d');
    const { video } = window;
    context.drawImage(video, x * video.videoWidth, y * video.videoHeight, 1, 1, 0, 0, 1, 1);
    return [...context.getImageData(0, 0, 1, 1).data.slice(0, 3)];
  };
  window.toneLevel = (hertz) => {
    const pcm = new Float32Array(8192);
    window.analyser.getFloatTimeDomainData(pcm);
    let [re, im] = [0, 0];
    pcm.forEach((value, i) => {
      const window = 1 - Math.cos((2 * Math.PI * i) / pcm.length);
      re += value * window * Math.cos((2 * Math.PI * hertz * i) / 48000);
      im += value * window * Math.sin((2 * Math.PI * hertz * i) / 48000);
    });
    return 20 * Math.log10((2 * Math.hypot(re, im)) / pcm.length + 1e-9);
  };
`;

async function barePage(query: string, sends: boolean, hertz: number): Promise<Page> {
  const browser = await launchBrowser();
  onTestFinished(() => browser.close());
  const page = await browser.newPage();
  await page.goto(`${server.url}/healthz`);
  await page.evaluate(BARE_PAGE);
  const url = `/${sends ? 'whip' : 'whep'}/${ROOM}${query}`;
  await page.evaluate(`start(${JSON.stringify(url)}, ${sends}, ${hertz})`);
  return page;
}

test('FFmpeg, GStreamer and a bare page send; GStreamer and a bare page play', async () => {
  const encoder = ffmpeg(440);
  await comes('FFmpeg');
  const whip = `${server.url}/whip/${ROOM}?name=GStreamer`;
  const source = run('/usr/bin/python3', GSTREAMER, 'whip', whip, '0xff1ea028', '1000');
  await comes('GStreamer');
  const publisher = await barePage('?name=Page', true, 1700);
  await comes('Page');
  const player = await barePage('', false, 0);
  const green = gstreamerPlayer(...centre(tile(1, 3)), 1000);
  const small = gstreamerPlayer(...centre(tile(2, 3)), 1700, '?rendition=320x180@15');
  for (const [index, colour] of (['blue', 'green', 'red'] as const).entries()) {
    const [x, y] = centre(tile(index, 3));
    await waitFor(
      `${colour} in the page`,
      async () =>
        isColour((await page(player, `colourAt(${x}, ${y})`)) as [number, number, number], colour),
      30_000,
    );
  }
  for (const hertz of [440, 1000, 1700]) {
    await waitFor(
      `${hertz} Hz in the page`,
      async () => ((await page(player, `toneLevel(${hertz})`)) as number) > -40,
      30_000,
    );
  }
  await waitFor(
    'green and its tone in GStreamer',
    () => {
      const seen = green();
      return seen?.width === 1280 && isMostly(seen.colour, 1) && seen.level > -30;
    },
    30_000,
  );
  await waitFor(
    'the small picture with red in GStreamer',
    () => {
      const seen = small();
      return seen?.width === 320 && isMostly(seen.colour, 0) && seen.level > -30;
    },
    30_000,
  );
  // ICE restarts, and the pictures go on over the new pair.
  const fragment = String(await page(player, 'restartIce()')).replace('a=ice-ufrag:', '');
  await waitFor(
    'the new pair',
    async () => (await page(player, 'remoteFragment()')) === fragment,
    30_000,
  );
  const before = (await page(player, 'frames()')) as number;
  await waitFor(
    'pictures over it',
    async () => ((await page(player, 'frames()')) as number) > before + 30,
    30_000,
  );
  // Each leaves in its own way.
  encoder.kill('SIGTERM');
  await waitFor(
    'FFmpeg to DELETE its session',
    async () => !(await names()).includes('FFmpeg'),
    10_000,
  );
  await page(publisher, 'stop()');
  await waitFor(
    'the page to DELETE its session',
    async () => !(await names()).includes('Page'),
    10_000,
  );
  source.kill('SIGKILL');
  await waitFor(
    'GStreamer, killed, to be missed',
    async () => !(await names()).includes('GStreamer'),
    40_000,
  );
}, 240_000);

const page = (of: Page, script: string) => of.evaluate(script);
