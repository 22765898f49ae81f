/** Nobody is connected without media and without a reason. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { RtpClient } from '../../src/bots/rtp-client.js';
import { packetizeVp8 } from '../../src/codecs/vp8-packetizer.js';
import { callApi } from '../support/api.js';
import { encodeMoving } from '../support/encoded.js';
import { TestServer, waitFor } from '../support/server.js';

let server: TestServer;
beforeAll(async () => {
  server = await TestServer.start();
});
afterAll(() => server?.close());

const missing = async () => {
  const { body } = await callApi(server, 'GET', '/rooms/silent/participants');
  return (body as { missing?: string[] }[])[0]?.missing;
};

test('a client whose camera and microphone are on and send nothing is told so, and so is everybody', async () => {
  const client = await RtpClient.join({ url: server.signalUrl, room: 'silent', name: 'Quiet' });
  await waitFor('the message', () => client.errors.includes('media_missing'), 15_000);
  expect(await missing()).toEqual(['audio', 'video']);
  const room = await server.room('silent');
  expect(room?.participants[0]?.counters).toMatchObject({
    media_missing_audio: 1,
    media_missing_video: 1,
    media_missing_mix: 0,
  });
  const frames = await encodeMoving('vp8', 10);
  let at = 0;
  const sending = setInterval(() => {
    client.sendRtp('video', packetizeVp8(frames[at % 10] as Buffer, at), at * 3000);
    at++;
  }, 33);
  await waitFor('the picture to be there', async () => `${await missing()}` === 'audio', 15_000);
  clearInterval(sending);
  await client.close();
});
