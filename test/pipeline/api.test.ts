/** The API as its callers use and misuse it: every route, every field, every kind of token. */
import { decodeJwt, SignJWT, UnsecuredJWT } from 'jose';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { signToken, type VideoGrant, videoGrantFor } from '../../src/api/access-token.js';
import { makeKey } from '../../src/config/api-keys.js';
import { callApi } from '../support/api.js';
import { TestServer, waitFor } from '../support/server.js';
import { Wire } from '../support/wire.js';

const key = makeKey();
const old = makeKey();
const ALL: VideoGrant = { roomCreate: true, roomList: true, roomAdmin: true };
let server: TestServer;
let admin: string;

const sign = (video: VideoGrant, identity?: string, seconds = 600, by = key) =>
  signToken(by, { identity, video, seconds });

beforeAll(async () => {
  server = await TestServer.start({
    TESSERA_AUTH_KEYS: `${key.id}:${key.secret}, ${old.id}:${old.secret}`,
    TESSERA_WEB_ORIGINS: 'https://dashboard.example',
  });
  admin = await sign(ALL);
});
afterAll(() => server?.close());

const call = (method: string, path: string, body?: unknown, token: string | undefined = admin) =>
  callApi(server, method, path, { token, body });

describe('tokens', () => {
  test('foreign tokens, and tokens for something else, are refused', async () => {
    const secret = new TextEncoder().encode(key.secret);
    const claims = { video: { ...videoGrantFor('a', 'participant'), ...ALL } };
    const jwt = () => new SignJWT(claims).setIssuer(key.id).setSubject('x');
    const cases: [string, string | undefined, string][] = [
      ['none', undefined, 'unauthorized'],
      ['garbage', 'abc.def', 'unauthorized'],
      ['too long', 'x'.repeat(9000), 'unauthorized'],
      [
        'alg: none',
        new UnsecuredJWT(claims).setIssuer(key.id).setExpirationTime('1h').encode(),
        'unauthorized',
      ],
      [
        'alg: HS512',
        await jwt().setProtectedHeader({ alg: 'HS512' }).setExpirationTime('1h').sign(secret),
        'unauthorized',
      ],
      ['another key', await sign(ALL, 'x', 600, makeKey()), 'unauthorized'],
      [
        'our key, wrong secret',
        await sign(ALL, 'x', 600, { id: key.id, secret: makeKey().secret }),
        'unauthorized',
      ],
      [
        'without end',
        await jwt().setProtectedHeader({ alg: 'HS256' }).sign(secret),
        'unauthorized',
      ],
      [
        'of the future',
        await jwt()
          .setProtectedHeader({ alg: 'HS256' })
          .setNotBefore('10m')
          .setExpirationTime('1h')
          .sign(secret),
        'unauthorized',
      ],
      [
        'claims of other types',
        await new SignJWT({ video: { roomList: 'yes' } })
          .setIssuer(key.id)
          .setProtectedHeader({ alg: 'HS256' })
          .setExpirationTime('1h')
          .sign(secret),
        'unauthorized',
      ],
      ['expired', await sign(ALL, 'x', -120), 'token_expired'],
      ['no such right', await sign(videoGrantFor('a', 'participant'), 'x'), 'forbidden'],
    ];
    for (const [what, token, code] of cases) {
      const { status, body, headers } = await callApi(server, 'GET', '/rooms', { token });
      expect([what, status, body.code]).toEqual([what, code === 'forbidden' ? 403 : 401, code]);
      expect(headers.get('content-type')).toContain('application/problem+json');
      if (status === 401) expect(headers.get('www-authenticate')).toBe('Bearer');
      if (what === 'expired' || what === 'no such right') continue;
      expect([what, ...(await Wire.upgrade(server, { token }))]).toEqual([what, 401, code]);
    }
  });

  test('small clock differences are accepted; every configured key works', async () => {
    expect((await call('GET', '/rooms', undefined, await sign(ALL, 'x', -10))).status).toBe(200);
    expect((await call('GET', '/rooms', undefined, await sign(ALL, 'x', 60, old))).status).toBe(
      200,
    );
  });

  test("a participant's token opens its room only, with its name and role", async () => {
    const { body } = await call('POST', '/rooms/one/join', { identity: 'ada', name: 'Ada' });
    expect(body.url).toBe(server.signalUrl);
    // No later than the token that it was made with.
    expect(body.expiresAt).toBeGreaterThan(Date.now() / 1000);
    expect(body.expiresAt).toBeLessThanOrEqual(decodeJwt(admin).exp as number);
    const other = await Wire.join(server, 'two', 'Eve', { token: body.token });
    expect(other.error).toBe('forbidden');
    const ada = await Wire.join(server, 'one', 'Not Ada', { token: body.token });
    const { room } = (await ada.next('welcome')) as unknown as {
      room: { participants: unknown[] };
    };
    expect(room.participants).toMatchObject([
      { identity: 'ada', name: 'Ada', role: 'participant', viewer: false },
    ]);
    for (const one of [other, ada]) one.socket.close();
  });

  test('an expired token opens no room, but resumes its session', async () => {
    const token = await sign(videoGrantFor('late', 'participant'), 'ada', -27);
    const ada = await Wire.join(server, 'late', 'Ada', { token });
    const { token: resumeToken } = await ada.next('welcome');
    await new Promise((resolve) => setTimeout(resolve, 4000));
    ada.socket.terminate();
    const again = await Wire.join(server, 'late', 'Ada', { token });
    expect(again.error).toBe('token_expired');
    again.send({ type: 'resume', participant: ada.id, token: resumeToken });
    expect(await again.next('welcome')).toMatchObject({ resumed: true });
    again.send({ type: 'leave' });
  });

  test('a token that expires soon is renewed for participants, up to the lifetime of the first', async () => {
    const token = await sign(videoGrantFor('renewed', 'participant', ['microphone']), 'ada', 60);
    const ada = await Wire.join(server, 'renewed', 'Ada', { token });
    const { token: renewed } = (await ada.next('token')) as unknown as { token: string };
    const [before, after] = [decodeJwt(token), decodeJwt(renewed)];
    expect(after).toMatchObject({ sub: 'ada', video: before.video });
    expect(after.exp as number).toBeGreaterThan((before.exp as number) + 400);
    const again = await Wire.join(server, 'renewed', 'Ada', { token: renewed });
    await again.next('welcome');
    const path = `/rooms/renewed/participants/${again.id}`;
    expect((await call('DELETE', path)).status).toBe(204);
    expect(await Wire.upgrade(server, { token: renewed })).toEqual([403, 'removed']);
    expect(await Wire.upgrade(server, { token })).toEqual([403, 'removed']);
    const long = await sign(videoGrantFor('renewed', 'participant'), 'bob', 3600);
    const bob = await Wire.join(server, 'renewed', 'Bob', { token: long });
    await bob.next('welcome');
    await new Promise((resolve) => setTimeout(resolve, 300));
    expect(bob.messages.map(({ type }) => type)).not.toContain('token');
    bob.socket.close();
  });

  test('a second join with the same identity replaces the first; an invitation does not', async () => {
    const token = await sign(videoGrantFor('twice', 'participant'), 'ada');
    const first = await Wire.join(server, 'twice', 'Ada', { token });
    const second = await Wire.join(server, 'twice', 'Ada', { token });
    await waitFor('the first to go', () => first.closeCode === 4000);
    expect([first.error, first.closeReason]).toEqual(['replaced', 'replaced']);
    const invite = await sign(videoGrantFor('twice', 'participant'));
    const third = await Wire.join(server, 'twice', 'Bob', { token: invite });
    const fourth = await Wire.join(server, 'twice', 'Cy', { token: invite });
    const { body } = await call('GET', '/rooms/twice/participants');
    expect(body.map(({ name }: { name: string }) => name)).toEqual(['Ada', 'Bob', 'Cy']);
    for (const one of [second, third, fourth]) one.socket.close();
  });

  test("an admin's token of one room works in that room only", async () => {
    await call('POST', '/rooms', { name: 'mine' });
    await call('POST', '/rooms', { name: 'yours' });
    const token = await sign(videoGrantFor('mine', 'host'), 'host');
    expect((await call('PATCH', '/rooms/mine', { locked: true }, token)).status).toBe(200);
    for (const [method, path, body] of [
      ['GET', '/rooms/yours'],
      ['PATCH', '/rooms/yours', { locked: true }],
      ['DELETE', '/rooms/yours'],
      ['POST', '/rooms/yours/join', {}],
      ['POST', '/rooms/yours/mute', { mic: true }],
      ['GET', '/rooms/yours/participants'],
      ['GET', '/rooms/yours/participants/x'],
      ['PATCH', '/rooms/yours/participants/x', { name: 'x' }],
      ['DELETE', '/rooms/yours/participants/x'],
      ['POST', '/rooms/yours/participants/x/mute', { mic: true }],
      ['POST', '/rooms/yours/participants/x/ask-to-unmute', { mic: true }],
      ['GET', '/rooms/yours/lobby'],
      ['POST', '/rooms/yours/lobby/x/admit'],
      ['POST', '/rooms/yours/lobby/x/deny'],
      ['GET', '/events?room=yours'],
      ['GET', '/events'],
      ['GET', '/rooms'],
      ['POST', '/rooms', { name: 'third' }],
      ['GET', '/server'],
    ] as const) {
      const answer = await call(method, path, body, token);
      expect([method, path, answer.status, answer.body?.code]).toEqual([
        method,
        path,
        403,
        'forbidden',
      ]);
    }
    await call('DELETE', '/rooms/mine');
    await call('DELETE', '/rooms/yours');
  });
});

describe('routes', () => {
  test('every invalid field is refused and named', async () => {
    await call('POST', '/rooms', { name: 'fields' });
    const ada = await Wire.join(server, 'fields', 'Ada', {
      token: await sign(videoGrantFor('fields', 'participant'), 'ada'),
    });
    const person = `/rooms/fields/participants/${ada.id}`;
    const cases: [string, string, unknown, string][] = [
      ['POST', '/rooms', {}, '/body/name'],
      ['POST', '/rooms', { name: '' }, '/body/name'],
      ['POST', '/rooms', { name: 'x'.repeat(65) }, '/body/name'],
      ['POST', '/rooms', { name: 'ok', locked: 'yes' }, '/body/locked'],
      ['POST', '/rooms', { name: 'ok', lobby: 1 }, '/body/lobby'],
      ['POST', '/rooms', { name: 'ok', maxParticipants: 0 }, '/body/maxParticipants'],
      ['POST', '/rooms', { name: 'ok', maxParticipants: '5' }, '/body/maxParticipants'],
      ['POST', '/rooms', { name: 'ok', maxSeconds: -1 }, '/body/maxSeconds'],
      ['POST', '/rooms', { name: 'ok', emptySeconds: 1.5 }, '/body/emptySeconds'],
      ['POST', '/rooms', { name: 'ok', metadata: 'x'.repeat(20_000) }, '/body/metadata'],
      ['POST', '/rooms', { name: 'ok', nonsense: 1 }, '/body/nonsense'],
      ['PATCH', '/rooms/fields', { locked: null }, '/body/locked'],
      ['PATCH', '/rooms/fields', { name: 'other' }, '/body/name'],
      ['PATCH', person, {}, '/body'],
      ['PATCH', person, { name: '' }, '/body/name'],
      ['PATCH', person, { role: 'king' }, '/body/role'],
      ['PATCH', person, { gainDb: 21 }, '/body/gainDb'],
      ['POST', `${person}/mute`, {}, '/body'],
      ['POST', `${person}/mute`, { mic: false }, '/body/mic'],
      ['POST', `${person}/mute`, { screen: 1 }, '/body/screen'],
      ['POST', `${person}/ask-to-unmute`, { screen: true }, '/body/screen'],
      ['POST', '/rooms/fields/mute', { camera: 'x' }, '/body/camera'],
      ['POST', '/rooms/fields/join', { role: 'x' }, '/body/role'],
      ['POST', '/rooms/fields/join', { seconds: 1 }, '/body/seconds'],
      ['POST', '/rooms/fields/join', { identity: '' }, '/body/identity'],
      ['POST', '/rooms/fields/join', { canPublishSources: ['x'] }, '/body/canPublishSources/0'],
      ['POST', '/rooms/fields/join', { hidden: 1 }, '/body/hidden'],
    ];
    for (const [method, path, body, field] of cases) {
      const answer = await call(method, path, body);
      expect([method, path, answer.status, answer.body.code]).toEqual([
        method,
        path,
        400,
        'bad_request',
      ]);
      const fields = answer.body.errors.map(({ field: name }: { field: string }) => name);
      expect([method, path, fields]).toEqual([method, path, expect.arrayContaining([field])]);
    }
    for (const [path, code] of [
      ['/rooms/..%2Fetc', 'bad_room'],
      ['/rooms/nowhere', 'room_not_found'],
      ['/rooms/fields/participants/nobody', 'participant_not_found'],
      ['/nothing', 'not_found'],
    ] as const) {
      expect([path, (await call('GET', path)).body.code]).toEqual([path, code]);
    }
    expect((await call('POST', '/rooms', '{')).body.code).toBe('bad_request');
    expect((await call('POST', '/rooms', `"${'x'.repeat(70_000)}"`)).body.code).toBe(
      'message_too_large',
    );
    const text = { token: admin, body: 'x', headers: { 'content-type': 'text/plain' } };
    expect((await callApi(server, 'POST', '/rooms', text)).body.code).toBe('unsupported_type');
    ada.socket.close();
    await call('DELETE', '/rooms/fields');
  });

  test('rooms are created, read, changed if unchanged since, and ended', async () => {
    const made = await call('POST', '/rooms', { name: 'café', maxParticipants: 2, metadata: 'm' });
    expect(made.status).toBe(201);
    expect(made.headers.get('location')).toBe('/v1/rooms/caf%C3%A9');
    expect((await call('POST', '/rooms', { name: 'café' })).body.code).toBe('room_exists');
    const path = '/rooms/caf%C3%A9';
    const read = await call('GET', path);
    expect(read.body).toMatchObject({
      name: 'café',
      maxParticipants: 2,
      locked: false,
      metadata: 'm',
    });
    const etag = read.headers.get('etag') as string;
    expect(etag).toBe(made.headers.get('etag'));
    const change = (tag: string) =>
      callApi(server, 'PATCH', path, {
        token: admin,
        body: { lobby: true },
        headers: { 'if-match': tag },
      });
    const changed = await change(etag);
    expect([changed.status, changed.body.lobby]).toEqual([200, true]);
    const late = await change(etag);
    expect([late.status, late.body.code]).toEqual([412, 'version_mismatch']);
    expect((await change(changed.headers.get('etag') as string)).status).toBe(200);
    const list = await call('GET', '/rooms');
    expect(list.body.map(({ name }: { name: string }) => name)).toContain('café');
    expect((await call('DELETE', path)).status).toBe(204);
    expect((await call('GET', path)).status).toBe(404);
    const again = await call('POST', '/rooms', { name: 'café' });
    // Nothing is left of the first.
    expect(again.body).toMatchObject({ lobby: false, metadata: '' });
    expect(again.body.sid).not.toBe(made.body.sid);
    await call('DELETE', path);
  });

  test('the OpenAPI description has every route; allowed origins may call', async () => {
    const { paths } = await (await fetch(`${server.url}/docs/json`)).json();
    expect(Object.keys(paths)).toEqual(
      expect.arrayContaining([
        '/v1/rooms',
        '/v1/rooms/{room}',
        '/v1/rooms/{room}/join',
        '/v1/rooms/{room}/mute',
        '/v1/rooms/{room}/lobby/{id}/admit',
        '/v1/rooms/{room}/participants/{id}',
        '/v1/rooms/{room}/participants/{id}/ask-to-unmute',
        '/v1/server',
        '/v1/events',
      ]),
    );
    expect((await fetch(`${server.url}/docs/`)).status).toBe(200);
    const allowed = async (origin: string) => {
      const response = await fetch(`${server.url}/v1/rooms`, {
        method: 'OPTIONS',
        headers: { origin, 'access-control-request-method': 'POST' },
      });
      return response.headers.get('access-control-allow-origin');
    };
    expect(await allowed('https://dashboard.example')).toBe('https://dashboard.example');
    expect(await allowed('https://evil.example')).toBeNull();
    const { body, headers } = await call('GET', '/server');
    expect(body).toMatchObject({ status: 'ready', open: false, numRooms: expect.any(Number) });
    expect(headers.get('x-request-id')).toMatch(/^[0-9a-f-]{36}$/);
    const stats = await fetch(`${server.url}/stats`);
    expect(stats.status).toBe(401);
  });
});
