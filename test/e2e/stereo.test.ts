/** With two channels in the mix, left stays left: from one Chromium with the SDK to another. */
import { expect, onTestFinished, test } from 'vitest';
import { launchBrowser } from '../support/browser.js';
import { TestServer, waitFor } from '../support/server.js';

const TONE = 700;

/** Plain JavaScript, since it is passed as text. Joins with a tone on the left, and measures what it hears. */
const IN_PAGE = `(async ({ sdk, url, sends }) => {
  const { Room } = await import(sdk);
  const context = new AudioContext({ sampleRate: 48000 });
  let audioTrack;
  if (sends) {
    const tone = new OscillatorNode(context, { frequency: ${TONE} });
    const sides = new ChannelMergerNode(context, { numberOfInputs: 2 });
    const out = new MediaStreamAudioDestinationNode(context, { channelCount: 2 });
    tone.connect(sides, 0, 0);
    sides.connect(out);
    tone.start();
    [audioTrack] = out.stream.getAudioTracks();
  }
  const room = await Room.connect({ url, room: 'stereo', name: sends ? 'Left' : 'Ears', audioTrack });
  const element = Object.assign(document.createElement('audio'), { srcObject: room.stream, muted: true });
  await element.play();
  const source = context.createMediaStreamSource(new MediaStream(room.stream.getAudioTracks()));
  const splitter = new ChannelSplitterNode(context, { numberOfOutputs: 2 });
  source.connect(splitter);
  const sides = [0, 1].map((side) => {
    const analyser = new AnalyserNode(context, { fftSize: 8192 });
    splitter.connect(analyser, side);
    return analyser;
  });
  window.levels = () => sides.map((analyser) => {
    const data = new Float32Array(analyser.frequencyBinCount);
    analyser.getFloatFrequencyData(data);
    return data[Math.round((${TONE} * analyser.fftSize) / 48000)];
  });
})`;

test('a tone on the left is heard on the left', async () => {
  const server = await TestServer.start({ TESSERA_AUDIO_CHANNELS: '2' });
  onTestFinished(() => server.close());
  const browser = await launchBrowser();
  onTestFinished(() => browser.close());
  const join = async (sends: boolean) => {
    const page = await browser.newPage();
    await page.goto(`${server.url}/healthz`);
    const where = { sdk: `${server.url}/sdk.js`, url: server.signalUrl, sends };
    await page.evaluate(`${IN_PAGE}(${JSON.stringify(where)})`);
    return page;
  };
  await join(true);
  const ears = await join(false);
  const levels = () => ears.evaluate('window.levels()') as Promise<[number, number]>;
  await waitFor('the tone', async () => (await levels())[0] > -50, 20_000);
  await waitFor(
    'the right to be silent',
    async () => {
      const [left, right] = await levels();
      return left - right > 30;
    },
    10_000,
  );
  const [left, right] = await levels();
  console.log(`left ${left.toFixed(1)} dB, right ${right.toFixed(1)} dB`);
  expect(left - right).toBeGreaterThan(30);
});
