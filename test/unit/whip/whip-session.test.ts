/** WHIP and WHEP sessions in a room, without a media connection. */
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { TesseraError } from '../../../src/errors.js';
import { MediaConnection } from '../../../src/rooms/media-connection.js';
import type { ConnectionState } from '../../../src/rooms/participant-info.js';
import { HttpSession } from '../../../src/whip/whip-session.js';
import { grantOf, silentLogger } from '../../support/members.js';
import { testRoom } from '../../support/test-room.js';

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
  vi.restoreAllMocks();
});

/** @param uses of the m-lines that the client offers. */
function start(
  kind: 'whip' | 'whep',
  uses: readonly string[],
  role: 'host' | 'participant' = 'participant',
) {
  vi.spyOn(MediaConnection.prototype, 'negotiate').mockImplementation(async () => 'answer');
  vi.spyOn(MediaConnection.prototype, 'uses', 'get').mockReturnValue(new Set(uses) as never);
  const { room } = testRoom('demo');
  const onEnded = vi.fn();
  const session = new HttpSession({
    room,
    kind,
    name: 'Encoder',
    grant: grantOf(role),
    limits: {},
    logger: silentLogger,
    onEnded,
  });
  const connection = (state: ConnectionState) => {
    const id = room.participants[0]?.id ?? '';
    room.updates.tell(id, { type: 'connection', state });
  };
  return { room, session, onEnded, connection };
}

const code = (code: string) => expect.objectContaining({ code });

test('a WHIP client is a participant, a WHEP client a viewer', async () => {
  const whip = start('whip', ['mic', 'camera']);
  expect(await whip.session.start('offer')).toBe('answer');
  expect(whip.room.participants).toMatchObject([{ name: 'Encoder', role: 'participant' }]);
  vi.restoreAllMocks();
  const whep = start('whep', ['mix-audio']);
  await whep.session.start('offer');
  expect(whep.room.participants).toMatchObject([{ role: 'viewer' }]);
});

test('DELETE takes the participant out of the room, once', async () => {
  const { room, session, onEnded } = start('whip', ['mic']);
  await session.start('offer');
  session.end();
  session.end();
  expect(room.size).toBe(0);
  expect(onEnded).toHaveBeenCalledTimes(1);
});

test('an offer without usable media leaves nobody in the room', async () => {
  const whip = start('whip', ['mix-audio']);
  await expect(whip.session.start('offer')).rejects.toEqual(code('unsupported_media'));
  expect(whip.room.size).toBe(0);
  expect(whip.onEnded).toHaveBeenCalledTimes(1);
  vi.restoreAllMocks();
  const whep = start('whep', ['mic']);
  await expect(whep.session.start('offer')).rejects.toEqual(code('unsupported_media'));
});

test('an offer that cannot be answered leaves nobody in the room', async () => {
  const { room, session } = start('whip', ['mic']);
  vi.mocked(MediaConnection.prototype.negotiate).mockRejectedValue(
    new TesseraError('bad_sdp', 'broken'),
  );
  await expect(session.start('offer')).rejects.toEqual(code('bad_sdp'));
  expect(room.size).toBe(0);
});

test('HTTP clients do not wait in a lobby', async () => {
  const { room, session } = start('whip', ['mic']);
  room.update({ lobby: true });
  await expect(session.start('offer')).rejects.toEqual(code('not_admitted'));
  expect(room.waiting).toEqual([]);
  const host = start('whip', ['mic'], 'host');
  host.room.update({ lobby: true });
  await host.session.start('offer');
});

test('an interrupted connection has 15 seconds to come back', async () => {
  const { room, session, onEnded, connection } = start('whip', ['mic']);
  await session.start('offer');
  connection('interrupted');
  await vi.advanceTimersByTimeAsync(14_000);
  connection('connected');
  await vi.advanceTimersByTimeAsync(60_000);
  expect(room.size).toBe(1);
  connection('interrupted');
  await vi.advanceTimersByTimeAsync(15_000);
  expect(room.size).toBe(0);
  expect(onEnded).toHaveBeenCalledTimes(1);
});

test('a failed connection, or the room, ends the session', async () => {
  const failed = start('whip', ['mic']);
  await failed.session.start('offer');
  failed.connection('failed');
  expect(failed.room.size).toBe(0);
  vi.restoreAllMocks();
  const removed = start('whip', ['mic']);
  await removed.session.start('offer');
  const id = removed.room.participants[0]?.id ?? '';
  removed.room.moderation.remove(id);
  expect(removed.onEnded).toHaveBeenCalledTimes(1);
});

test('an m-line that is refused ends it with words, though others are taken', async () => {
  const { room, session } = start('whip', ['mic']);
  vi.spyOn(MediaConnection.prototype, 'refused', 'get').mockReturnValue([
    { kind: 'video', offered: ['H264 (profile-level-id=7a001f)', 'H263'] },
  ]);
  const message = expect.stringContaining('video: H264 (profile-level-id=7a001f), H263');
  const next = expect.stringMatching(/^Send video as VP8.*H\.264/);
  await expect(session.start('offer')).rejects.toMatchObject({
    ...{ code: 'unsupported_media', message, next },
  });
  expect(room.size).toBe(0);
});

test('video that is too large ends the session', async () => {
  const { room, session, onEnded } = start('whip', ['camera']);
  await session.start('offer');
  const error = new TesseraError('video_too_large', 'too large');
  room.updates.tell(room.participants[0]?.id ?? '', { type: 'error', error });
  expect([room.size, onEnded.mock.calls.length]).toEqual([0, 1]);
});

test('new ICE credentials restart ICE and change the ETag', async () => {
  const { session } = start('whip', ['mic']);
  const restart = vi
    .spyOn(MediaConnection.prototype, 'restartIce')
    .mockResolvedValue('our fragment');
  vi.spyOn(MediaConnection.prototype, 'remoteUsernameFragment', 'get').mockReturnValue('old');
  await session.start('offer');
  const { etag } = session;
  const candidate = 'candidate:1 1 udp 1 192.0.2.1 5000 typ host';
  const fragment = (name: string) =>
    `a=ice-ufrag:${name}\r\na=ice-pwd:secret\r\nm=audio 9 UDP/TLS/RTP/SAVPF 0\r\na=mid:0\r\na=${candidate}\r\n`;
  expect(session.restarts(fragment('old'))).toBe(false);
  expect(session.restarts(fragment('new'))).toBe(true);
  expect(await session.restart(fragment('new'))).toBe('our fragment');
  expect(restart).toHaveBeenCalledWith({ usernameFragment: 'new', password: 'secret' }, [
    candidate,
  ]);
  expect(session.etag).not.toBe(etag);
  session.end();
  await expect(session.restart(fragment('newer'))).rejects.toEqual(code('session_not_found'));
});
