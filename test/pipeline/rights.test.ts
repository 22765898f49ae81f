/** Who may do what, and until when, on a running server. */

import { decodeJwt } from 'jose';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { signToken, videoGrantFor } from '../../src/api/access-token.js';
import { makeKey } from '../../src/config/api-keys.js';
import type { Role } from '../../src/protocol/participants.js';
import { callApi } from '../support/api.js';
import { TestServer, waitFor } from '../support/server.js';
import { Wire } from '../support/wire.js';

describe('a server without keys', () => {
  let open: TestServer;
  beforeAll(async () => {
    open = await TestServer.start();
  });
  afterAll(() => open?.close());

  test('serves nothing that a proxy forwarded', async () => {
    const paths = [
      '/',
      '/v1/rooms',
      '/whip/a',
      '/whep/a/session',
      '/signal',
      '/stats',
      '/docs/json',
    ];
    for (const path of paths) {
      for (const [name, value] of [
        ['forwarded', 'for=192.0.2.1'],
        ['x-forwarded-for', '192.0.2.1'],
        ['x-forwarded-host', 'public.example'],
        ['x-real-ip', '192.0.2.1'],
        ['via', '1.1 proxy'],
      ] as const) {
        const answer = await fetch(open.url + path, { headers: { [name]: value } });
        const { code } = (await answer.json()) as { code: string };
        expect([path, name, answer.status, code]).toEqual([path, name, 403, 'origin_refused']);
      }
    }
    expect((await fetch(`${open.url}/v1/rooms`)).status).toBe(200);
  });

  test('does not start where others reach it', async () => {
    for (const environment of [
      { TESSERA_HOST: '0.0.0.0' },
      { TESSERA_WEB_ORIGINS: '*' },
      { TESSERA_WEB_TRUST_PROXY: '127.0.0.1' },
    ] as const) {
      await expect(TestServer.start(environment)).rejects.toThrow(/there is no API key/);
    }
  });
});

describe('a server with keys', () => {
  const key = makeKey();
  let server: TestServer;
  beforeAll(async () => {
    server = await TestServer.start({
      TESSERA_AUTH_KEYS: `${key.id}:${key.secret}`,
      TESSERA_AUTH_MAX_MINTED_SECONDS: '3600',
      TESSERA_AUTH_RENEW_SECONDS: '0',
      TESSERA_AUTH_CLOCK_SKEW_SECONDS: '0',
    });
  });
  afterAll(() => server?.close());

  const tokenFor = (room: string, role: Role, identity?: string, seconds = 600) =>
    signToken(key, { identity, video: videoGrantFor(room, role), seconds });
  const mint = async (token: string, room: string, body: unknown) => {
    const { status, body: answer } = await callApi(server, 'POST', `/rooms/${room}/join`, {
      token,
      body,
    });
    expect(status).toBe(200);
    return answer as { token: string; expiresAt: number };
  };
  const enter = (room: string, token: string) => Wire.join(server, room, 'Somebody', { token });

  test('what a token makes ends no later than itself, and has a capped life', async () => {
    const short = await tokenFor('minted', 'host', 'ada', 60);
    const minted = await mint(short, 'minted', { role: 'host', seconds: 31_536_000 });
    const claims = decodeJwt(minted.token);
    expect(claims.exp).toBe(minted.expiresAt);
    expect(claims.exp).toBeLessThanOrEqual(decodeJwt(short).exp as number);
    const again = await mint(minted.token, 'minted', { seconds: 31_536_000 });
    expect(again.expiresAt).toBeLessThanOrEqual(minted.expiresAt);
    const long = await tokenFor('minted', 'host', 'ada', 100_000);
    const capped = await mint(long, 'minted', { seconds: 31_536_000 });
    expect(capped.expiresAt - Date.now() / 1000).toBeLessThanOrEqual(3601);
  });

  test('removal ends what was made with the token: invitations, guests, recordings', async () => {
    const root = await tokenFor('removal', 'host', 'root');
    const eve = await tokenFor('removal', 'host', 'eve');
    const host = await enter('removal', root);
    const evil = await enter('removal', eve);
    const minted = await mint(eve, 'removal', { role: 'host', identity: 'mallory' });
    const guest = await enter('removal', minted.token);
    evil.send({ type: 'recordings' });
    const { token: recording } = await evil.next('recordings');
    const list = (token: unknown) =>
      callApi(server, 'GET', '/rooms/removal/recordings', { token: String(token) });
    expect((await list(recording)).status).toBe(200);
    host.send({ type: 'moderate', action: 'remove', participant: evil.id });
    await waitFor('the guest to go too', () => guest.closeReason === 'removed');
    expect((await list(recording)).status).toBe(403);
    expect(await Wire.upgrade(server, { token: minted.token })).toEqual([403, 'removed']);
    const { status } = await callApi(server, 'GET', '/rooms/removal', { token: minted.token });
    expect(status).toBe(403);
    expect((await list(root)).status).toBe(200);
    expect(host.closeCode).toBe(0);
  });

  test('removal of one guest leaves the shared invitation to the others', async () => {
    const host = await enter('shared', await tokenFor('shared', 'host', 'host'));
    const link = await tokenFor('shared', 'participant');
    const guest = await enter('shared', link);
    host.send({ type: 'moderate', action: 'remove', participant: guest.id });
    await waitFor('the guest to go', () => guest.closeReason === 'removed');
    expect(await Wire.upgrade(server, { token: link })).toEqual([403, 'removed']);
    const wire = await Wire.join(server, 'shared', 'Other', { token: link, from: '127.0.0.2' });
    expect(wire.error).toBeUndefined();
  });

  test('a token that has ended, with what it was renewed to, ends the stay', async () => {
    const wire = await enter('ended', await tokenFor('ended', 'participant', 'ada', 3));
    expect(wire.error).toBeUndefined();
    await waitFor('the end', () => wire.closeReason === 'token_expired');
  });

  test('a role that a host gave holds for the person', async () => {
    const root = await tokenFor('demotion', 'host', 'root');
    const ada = await tokenFor('demotion', 'host', 'ada');
    const host = await enter('demotion', root);
    const demoted = await enter('demotion', ada);
    const minted = await mint(ada, 'demotion', { role: 'host', identity: 'helper' });
    const helper = await enter('demotion', minted.token);
    demoted.send({ type: 'recordings' });
    const { token: recording } = await demoted.next('recordings');
    const role = { type: 'moderate', action: 'role', participant: demoted.id };
    host.send({ ...role, role: 'participant' });
    await waitFor('the helper to be host no more', () =>
      helper.messages.some(({ type, participant }) => {
        const state = { id: '', role: '', ...(participant as object | undefined) };
        return type === 'changed' && state.id === helper.id && state.role === 'participant';
      }),
    );
    const path = '/rooms/demotion';
    const get = async (token: unknown, below = '') =>
      (await callApi(server, 'GET', path + below, { token: String(token) })).status;
    expect(await get(ada)).toBe(403);
    expect(await get(await tokenFor('demotion', 'host', 'ada'))).toBe(403);
    expect(await get(minted.token)).toBe(403);
    expect(await get(recording, '/recordings')).toBe(403);
    expect(await get(root)).toBe(200);
    const back = await enter('demotion', ada);
    back.send({ type: 'moderate', action: 'lock', locked: true });
    await waitFor('the refusal', () => back.error === 'forbidden');
    // A host can give it back.
    host.send({ ...role, participant: back.id, role: 'host' });
    await waitFor('the rights', async () => (await get(ada)) === 200);
  });

  test('event streams end with the right to read them, and are limited', async () => {
    const stream = (token: string) =>
      fetch(`${server.url}/v1/events?room=streams`, {
        headers: { authorization: `Bearer ${token}` },
      });
    const ended = async (response: Response) => (await response.text()).startsWith(': hello');
    const short = await stream(await tokenFor('streams', 'host', 'short', 3));
    expect(await ended(short)).toBe(true);
    const host = await enter('streams', await tokenFor('streams', 'host', 'host'));
    const tokens = [];
    for (const identity of ['ada', 'bob']) {
      tokens.push(await tokenFor('streams', 'host', identity));
    }
    const [ada = '', bob = ''] = tokens;
    const first = await enter('streams', ada);
    const second = await enter('streams', bob);
    const streams = await Promise.all(Array.from({ length: 10 }, () => stream(ada)));
    expect(streams.map(({ status }) => status)).toEqual(streams.map(() => 200));
    expect((await stream(ada)).status).toBe(429);
    const ofBob = await stream(bob);
    const { id } = second;
    host.send({ type: 'moderate', action: 'remove', participant: first.id });
    host.send({ type: 'moderate', action: 'role', participant: id, role: 'viewer' });
    expect(await Promise.all([...streams, ofBob].map(ended))).not.toContain(false);
    expect((await stream(bob)).status).toBe(403);
  });

  test('nobody else resumes a session', async () => {
    const host = await enter('resumed', await tokenFor('resumed', 'host', 'host'));
    const { participant, token } = await host.next('welcome');
    for (const [room, identity] of [
      ['other', 'host'],
      ['resumed', 'eve'],
    ] as const) {
      const thief = await Wire.open(server, {
        token: await tokenFor(room, 'participant', identity),
      });
      thief.send({ type: 'resume', participant, token });
      await waitFor('an answer', () => thief.error === 'resume_failed');
    }
    // Nor does it open a locked room to others.
    host.send({ type: 'moderate', action: 'lock', locked: true });
    await host.next('room');
    const eve = await tokenFor('resumed', 'participant', 'eve');
    const late = await Wire.join(server, 'resumed', 'Eve', { token: eve, previous: String(token) });
    expect(late.error).toBe('room_locked');
    const own = await Wire.open(server, { token: await tokenFor('resumed', 'host', 'host') });
    own.send({ type: 'resume', participant, token });
    expect(await own.next('welcome')).toMatchObject({ resumed: true });
  });
});
