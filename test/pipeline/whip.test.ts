/** WHIP and WHEP as protocols: answers, rights, and that ended sessions leave the room. */
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest';
import { signToken, videoGrantFor } from '../../src/api/access-token.js';
import { packetizeVp8 } from '../../src/codecs/vp8-packetizer.js';
import { makeKey } from '../../src/config/api-keys.js';
import { ClientPeer } from '../../src/peer/client-peer.js';
import { callApi } from '../support/api.js';
import { encodeMoving } from '../support/encoded.js';
import { TestServer, waitFor } from '../support/server.js';

let server: TestServer;
beforeAll(async () => {
  server = await TestServer.start({
    TESSERA_ICE_URLS: 'stun:stun.example.org:3478,turn:turn.example.org:3478?transport=udp',
    TESSERA_ICE_USERNAME: 'user',
    TESSERA_ICE_CREDENTIAL: 'se"cret',
  });
});
afterAll(() => server?.close());

const SDP = 'application/sdp';
const FRAGMENT = 'application/trickle-ice-sdpfrag';

const request = (
  method: string,
  path: string,
  { body, type = SDP, headers = {} }: { body?: string; type?: string; headers?: HeadersInit } = {},
) =>
  fetch(path.startsWith('http') ? path : `${server.url}${path}`, {
    method,
    headers: { ...(body === undefined ? {} : { 'content-type': type }), ...headers },
    ...(body === undefined ? {} : { body }),
  });

const peerFor = (kind: 'whip' | 'whep') =>
  new ClientPeer({
    codec: 'vp8',
    ipv6: false,
    sends: kind === 'whip',
    screen: false,
    data: false,
    receives: { audio: kind === 'whep', video: kind === 'whep' },
    videoSequence: 1,
  });

/** The session's URL: its address is relative to that of the request. */
const sessionOf = (answer: Response) =>
  new URL(answer.headers.get('location') as string, answer.url).href;

/** A peer of ours, its offer posted. */
async function post(kind: 'whip' | 'whep', room: string, query = '') {
  const peer = peerFor(kind);
  const answer = await request('POST', `/${kind}/${room}${query}`, { body: await peer.offer() });
  if (answer.status !== 201) throw new Error(`${answer.status}: ${await answer.text()}`);
  await peer.answered(await answer.clone().text());
  return { peer, answer, location: sessionOf(answer) };
}

const names = async (room: string) =>
  ((await server.room(room))?.participants ?? []).map(({ name }) => name);

test('an encoder sends, a player receives, and both are gone after DELETE', async () => {
  const sender = await post('whip', 'studio', '?name=Camera');
  const { answer, location } = sender;
  expect(answer.headers.get('location')).toMatch(/^studio\/[\w-]{20,}$/);
  expect(location).toMatch(new RegExp(`^${server.url}/whip/studio/[\\w-]{20,}$`));
  expect(answer.headers.get('content-type')).toBe(SDP);
  expect(answer.headers.get('etag')).toMatch(/^"[\w-]+"$/);
  expect(answer.headers.get('accept-patch')).toBe(FRAGMENT);
  expect(answer.headers.get('link')).toContain('<stun:stun.example.org:3478>; rel="ice-server"');
  expect(answer.headers.get('link')).toContain(
    '<turn:turn.example.org:3478?transport=udp>; rel="ice-server"; username="user"; credential="se\\"cret"; credential-type="password"',
  );
  expect(await answer.text()).toMatch(/^a=candidate:/m);
  const player = await post('whep', 'studio', '?rendition=320x180@15');
  expect(await names('studio')).toEqual(['Camera', 'WHEP']);
  let received = 0;
  player.peer.onRtp = () => received++;
  const frames = await encodeMoving('vp8', 30);
  let at = 0;
  const sending = setInterval(() => {
    sender.peer.sendRtp('video', packetizeVp8(frames[at % 30] as Buffer, at), at * 3000);
    at++;
  }, 33);
  await waitFor('packets', () => received > 50, 30_000);
  const counters = await waitFor('frames to be decoded', async () => {
    const found = (await server.room('studio'))?.counters ?? {};
    return (found.video_frames_decoded ?? 0) > 10 && found;
  });
  clearInterval(sending);
  // The player chose the smallest one.
  expect(counters.video_encodes_vp8_0 ?? 0).toBe(0);
  expect(counters.video_encodes_vp8_2).toBeGreaterThan(0);
  for (const { location: url, peer } of [player, sender]) {
    expect((await request('DELETE', url)).status).toBe(200);
    expect((await request('DELETE', url)).status).toBe(404);
    await peer.close();
  }
  await waitFor('an empty room', async () => (await server.room('studio')) === undefined);
});

test('candidates trickle, ICE restarts, each with its precondition', async () => {
  const { answer, location, peer } = await post('whep', 'patch');
  const etag = answer.headers.get('etag') as string;
  const patch = (body: string, match?: string, type = FRAGMENT) =>
    request('PATCH', location, {
      body,
      type,
      headers: match === undefined ? {} : { 'if-match': match },
    });
  const candidate =
    'm=audio 9 UDP/TLS/RTP/SAVPF 0\r\na=mid:0\r\na=candidate:1 1 udp 2130706431 127.0.0.1 50000 typ host\r\na=end-of-candidates\r\n';
  expect((await patch(candidate, etag)).status).toBe(204);
  expect((await patch(candidate)).status).toBe(428);
  expect((await patch(candidate, '"older"')).status).toBe(412);
  expect((await patch(candidate, etag, SDP)).status).toBe(415);
  expect((await patch('', etag)).status).toBe(400);
  expect((await patch('nonsense', etag)).status).toBe(400);
  expect((await patch('a=candidate:nonsense', etag)).status).toBe(400);
  const restart = 'a=ice-ufrag:abcdefgh\r\na=ice-pwd:abcdefghijklmnopqrstuvwx\r\n';
  expect((await patch(restart, etag)).status).toBe(412);
  const restarted = await patch(restart, '*');
  expect(restarted.status).toBe(200);
  expect(restarted.headers.get('content-type')).toBe(FRAGMENT);
  expect(restarted.headers.get('etag')).not.toBe(etag);
  const fragment = await restarted.text();
  expect(fragment).toMatch(/^a=ice-ufrag:\S+\r\na=ice-pwd:\S+\r\n/);
  expect(fragment).toMatch(/^a=candidate:/m);
  expect((await patch(candidate, etag)).status).toBe(412);
  expect((await request('DELETE', location)).status).toBe(200);
  await peer.close();
});

test('a request that cannot be served gets a problem, and adds nobody to the room', async () => {
  const offer = async (kind: 'whip' | 'whep') => {
    const peer = peerFor(kind);
    const sdp = await peer.offer();
    await peer.close();
    return sdp;
  };
  const [sending, receiving] = [await offer('whip'), await offer('whep')];
  for (const [status, code, path, options] of [
    [415, 'unsupported_type', '/whip/bad', { body: '{}', type: 'application/json' }],
    [415, 'unsupported_type', '/whip/bad', { body: 'v=0', type: 'text/plain' }],
    [406, 'not_acceptable', '/whip/bad', { body: sending, headers: { accept: 'text/html' } }],
    [400, 'bad_sdp', '/whip/bad', { body: 'v=0' }],
    [400, 'bad_sdp', '/whep/bad', { body: '' }],
    [422, 'unsupported_media', '/whip/bad', { body: receiving }],
    [422, 'unsupported_media', '/whep/bad', { body: sending }],
    [400, 'unknown_rendition', '/whep/bad?rendition=9x9', { body: receiving }],
    [400, 'bad_room', '/whip/b%20d', { body: sending }],
    [413, 'message_too_large', '/whip/bad', { body: 'x'.repeat(70_000) }],
  ] as const) {
    const answer = await request('POST', path, options);
    const problem = await answer.json();
    expect([path, answer.status, problem.code]).toEqual([path, status, code]);
    expect(answer.headers.get('content-type')).toMatch(/^application\/problem\+json/);
    expect(problem.status).toBe(status);
  }
  // All that is sent must be taken: sound alone is no success (RFC 9725, 4.2).
  const partly = await request('POST', '/whip/bad', { body: sending.replaceAll('VP8', 'H263') });
  const { code, detail, next } = await partly.json();
  expect([partly.status, code]).toEqual([422, 'unsupported_media']);
  expect(detail).toContain('video: H263');
  expect(next).toMatch(/^Send video as VP8.*H\.264/);
  for (const method of ['GET', 'PUT']) {
    const answer = await request(method, '/whep/bad');
    expect([method, answer.status, answer.headers.get('allow')]).toEqual([method, 405, 'POST']);
  }
  expect((await request('GET', '/whip/bad/nothing')).status).toBe(405);
  expect((await request('DELETE', '/whip/bad/nothing')).status).toBe(404);
  expect(await names('bad')).toEqual([]);
});

test('a session cannot be reached by another kind, room or id', async () => {
  const { location, peer } = await post('whep', 'mine');
  expect((await request('DELETE', location.replace('/whep/', '/whip/'))).status).toBe(404);
  expect((await request('DELETE', location.replace('/mine/', '/yours/'))).status).toBe(404);
  expect(await names('mine')).toEqual(['WHEP']);
  expect((await request('DELETE', location)).status).toBe(200);
  await peer.close();
});

test('pages of other origins get CORS headers', async () => {
  const open = await TestServer.start({ TESSERA_WEB_ORIGINS: 'https://player.example' });
  const ask = (origin: string, path: string) =>
    fetch(`${open.url}${path}`, {
      method: 'OPTIONS',
      headers: {
        origin,
        'access-control-request-method': 'POST',
        'access-control-request-headers': 'content-type, authorization',
      },
    });
  const answer = await ask('https://player.example', '/whep/room');
  expect(answer.status).toBe(204);
  expect(answer.headers.get('accept-post')).toBe(SDP);
  expect(answer.headers.get('access-control-allow-origin')).toBe('https://player.example');
  expect(answer.headers.get('access-control-allow-methods')).toContain('PATCH');
  expect(answer.headers.get('access-control-allow-headers')).toContain('if-match');
  const session = await ask('https://player.example', '/whep/room/any');
  expect(session.headers.get('accept-patch')).toBe(FRAGMENT);
  const stranger = await ask('https://elsewhere.example', '/whep/room');
  expect(stranger.headers.get('access-control-allow-origin')).not.toBe('https://elsewhere.example');
  const posted = await fetch(`${open.url}/whep/room`, {
    method: 'POST',
    headers: { origin: 'https://elsewhere.example', 'content-type': SDP },
    body: 'v=0',
  });
  expect([posted.status, (await posted.json()).code]).toEqual([403, 'origin_refused']);
  await open.close();
});

test('a client that never connects is removed', async () => {
  const { peer } = await post('whep', 'never');
  await peer.close();
  expect(await names('never')).toEqual(['WHEP']);
  await waitFor('its end', async () => (await server.room('never')) === undefined, 40_000);
});

test('tokens decide who may send and receive; full rooms and lobbies admit nobody', async () => {
  const key = makeKey();
  const locked = await TestServer.start({
    TESSERA_AUTH_KEYS: `${key.id}:${key.secret}`,
    TESSERA_ROOM_MAX_PARTICIPANTS: '1',
  });
  onTestFinished(() => locked.close());
  const sign = (role: 'host' | 'participant' | 'viewer', room = 'locked', seconds = 600) =>
    signToken(key, { identity: 'ada', video: videoGrantFor(room, role, undefined), seconds });
  const peers: ClientPeer[] = [];
  const post = async (kind: 'whip' | 'whep', token?: string) => {
    const peer = peerFor(kind);
    peers.push(peer);
    return fetch(`${locked.url}/${kind}/locked`, {
      method: 'POST',
      headers: {
        'content-type': SDP,
        ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
      },
      body: await peer.offer(),
    });
  };
  const codeOf = async (answer: Response) => [answer.status, (await answer.json()).code];
  const unauthorized = await post('whip');
  expect(unauthorized.headers.get('www-authenticate')).toBe('Bearer');
  expect(await codeOf(unauthorized)).toEqual([401, 'unauthorized']);
  expect(await codeOf(await post('whip', await sign('viewer')))).toEqual([403, 'forbidden']);
  expect(await codeOf(await post('whip', await sign('host', 'other')))).toEqual([403, 'forbidden']);
  expect((await codeOf(await post('whep', await sign('viewer', 'locked', -600))))[0]).toBe(401);

  const viewer = await sign('viewer');
  const first = await post('whep', viewer);
  expect(first.status).toBe(201);
  const location = sessionOf(first);
  // The same token is another player.
  const full = await post('whep', viewer);
  expect(full.headers.get('retry-after')).toBe('5');
  expect(await codeOf(full)).toEqual([503, 'room_full']);
  // Nobody can guess the session's address: it needs no token, nor does an expired one matter.
  const authorization = `Bearer ${await sign('viewer', 'locked', -600)}`;
  const restart = await fetch(location, {
    method: 'PATCH',
    headers: { authorization, 'content-type': FRAGMENT, 'if-match': '*' },
    body: 'a=ice-ufrag:abcdefgh\r\na=ice-pwd:abcdefghijklmnopqrstuvwx\r\n',
  });
  expect(restart.status).toBe(200);
  expect((await fetch(location, { method: 'DELETE' })).status).toBe(200);

  const host = await sign('host');
  const changed = await callApi(locked, 'PATCH', '/rooms/locked', {
    token: host,
    body: { lobby: true },
  });
  expect(changed.status).toBe(200);
  const waits = await post('whip', await sign('participant'));
  expect(await codeOf(waits)).toEqual([403, 'not_admitted']);
  expect((await post('whip', host)).status).toBe(201);
  await Promise.all(peers.map((peer) => peer.close()));
});
