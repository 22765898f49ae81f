/** Image uploads: which are accepted, how others are refused, and that images survive a restart. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { callApi } from '../support/api.js';
import { paint, withSides } from '../support/images.js';
import { TestServer, waitFor } from '../support/server.js';
import { Wire } from '../support/wire.js';

let server: TestServer;
beforeAll(async () => {
  server = await TestServer.start();
  await callApi(server, 'POST', '/rooms', { body: { name: 'images' } });
});
afterAll(() => server?.close());

async function put(path: string, bytes: Buffer, type: string) {
  const response = await fetch(`${server.url}/v1/rooms/images${path}`, {
    method: 'PUT',
    headers: { 'content-type': type },
    body: new Uint8Array(bytes),
  });
  const text = await response.text();
  return { status: response.status, body: text === '' ? undefined : JSON.parse(text) };
}

test('PNG, JPEG and WebP are accepted under any content type, and scaled down', async () => {
  for (const type of ['image/png', 'image/jpeg', 'image/webp'] as const) {
    const answer = await put(
      '/images/logo',
      paint(64, 32, '#123456', '#654321', type),
      'image/png',
    );
    expect([type, answer]).toEqual([
      type,
      { status: 200, body: { name: 'logo', width: 64, height: 32 } },
    ]);
  }
  const large = await put('/images/large', paint(4000, 1000, '#ffffff'), 'image/png');
  expect(large.body).toEqual({ name: 'large', width: 1920, height: 480 });
});

test('other uploads are refused with a code, and the room goes on', async () => {
  const png = paint(64, 64, '#ff0000', '#00ff00');
  const svg = Buffer.from(
    '<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"><image href="file:///etc/passwd"/></svg>',
  );
  const gif = Buffer.from('R0lGODlhAQABAAAAACH5BAEKAAEALAAAAAABAAEAAAICTAEAOw==', 'base64');
  const cases: [Buffer, string, number, string][] = [
    [svg, 'image/png', 422, 'bad_image'],
    [gif, 'image/png', 422, 'bad_image'],
    [Buffer.from('no image'), 'image/png', 422, 'bad_image'],
    [Buffer.alloc(0), 'image/png', 422, 'bad_image'],
    [png.subarray(0, 60), 'image/png', 422, 'bad_image'],
    [withSides(png, 60_000, 60_000), 'image/png', 422, 'bad_image'],
    [withSides(png, 8000, 8000), 'image/png', 422, 'bad_image'],
    [svg, 'image/svg+xml', 415, 'unsupported_type'],
    [png, 'text/html', 415, 'unsupported_type'],
  ];
  for (const [bytes, type, status, code] of cases) {
    const answer = await put('/images/bad', bytes, type);
    expect([type, bytes.length, answer.status, answer.body?.code]).toEqual([
      type,
      bytes.length,
      status,
      code,
    ]);
  }
  // The server answers before all of it was sent, which a client may not get to read.
  const huge = await put('/images/bad', Buffer.alloc(4 * 1024 * 1024 + 1), 'image/png').catch(
    () => undefined,
  );
  if (huge) expect([huge.status, huge.body.code]).toEqual([413, 'message_too_large']);
  for (const name of ['..%2F..%2Fetc', 'A', 'x'.repeat(33)]) {
    expect((await put(`/images/${name}`, png, 'image/png')).status).toBe(400);
  }
  expect((await put('/participants/nobody/avatar', png, 'image/png')).body.code).toBe(
    'participant_not_found',
  );
  const { body } = await callApi(server, 'GET', '/rooms/images/images');
  expect(body.map(({ name }: { name: string }) => name).sort()).toEqual(['large', 'logo']);
});

test('a room has at most sixteen images; overlays need images that exist', async () => {
  const overlays = (image: string) => ({ logo: { image, corner: 'top-left', height: 0.1 } });
  const change = (body: unknown) => callApi(server, 'PATCH', '/rooms/images', { body });
  expect((await change({ overlays: overlays('none') })).body.code).toBe('image_not_found');
  expect((await change({ overlays: { clock: { timeZone: 'Mars/Olympus' } } })).body.code).toBe(
    'bad_time_zone',
  );
  expect((await change({ layout: 'custom' })).body.code).toBe('bad_layout');
  expect((await change({ overlays: overlays('logo') })).status).toBe(200);
  for (let i = 0; i < 14; i++) {
    expect((await put(`/images/i${i}`, paint(8, 8, '#ffffff'), 'image/png')).status).toBe(200);
  }
  expect((await put('/images/more', paint(8, 8, '#ffffff'), 'image/png')).status).toBe(503);
  for (let i = 0; i < 14; i++) {
    expect((await callApi(server, 'DELETE', `/rooms/images/images/i${i}`)).status).toBe(204);
  }
  expect((await callApi(server, 'DELETE', '/rooms/images/images/i0')).body.code).toBe(
    'image_not_found',
  );
});

test('an image in use can be deleted; the room can still be changed', async () => {
  const change = (body: unknown) => callApi(server, 'PATCH', '/rooms/images', { body });
  expect((await put('/images/passing', paint(8, 8, '#ffffff'), 'image/png')).status).toBe(200);
  const logo = { image: 'passing', corner: 'top-left', height: 0.1 };
  expect((await change({ overlays: { logo } })).status).toBe(200);
  await callApi(server, 'DELETE', '/rooms/images/images/passing');
  expect((await change({ locked: true })).status).toBe(200);
  expect((await change({ overlays: { logo } })).body.code).toBe('image_not_found');
  const back = { logo: { ...logo, image: 'logo' } };
  expect((await change({ locked: false, overlays: back })).status).toBe(200);
});

test('images and overlays survive a restart, and end with their room', async () => {
  const { dataDir } = server;
  await server.close();
  server = await TestServer.start({ TESSERA_DATA_DIR: dataDir });
  const { body } = await callApi(server, 'GET', '/rooms/images/images');
  expect(body.map(({ name }: { name: string }) => name).sort()).toEqual(['large', 'logo']);
  const room = await callApi(server, 'GET', '/rooms/images');
  expect(room.body.overlays.logo.image).toBe('logo');
  await callApi(server, 'DELETE', '/rooms/images');
  await callApi(server, 'POST', '/rooms', { body: { name: 'images' } });
  expect((await callApi(server, 'GET', '/rooms/images/images')).body).toEqual([]);
  // A call goes on in it.
  const wire = await Wire.join(server, 'images', 'Ada');
  await waitFor('the welcome', () => wire.messages.some(({ type }) => type === 'welcome'));
  wire.socket.close();
});
