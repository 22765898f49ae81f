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
