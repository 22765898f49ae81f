import { describe, expect, test } from 'vitest';
import { SrtpSession as WeriftSession } from 'werift';
import { deriveSessionKeys } from '../../../src/peer/srtp-keys.js';
import { estimateIndex, SrtpSession } from '../../../src/peer/srtp-session.js';
import { SRTP_TRAILER_BYTES } from '../../../src/rtp/rtp-packet.js';

const fill = (length: number, from: number) =>
  Buffer.from(Array.from({ length }, (_, i) => (i + from) & 255));

function pair(profile: 1 | 7): [SrtpSession, SrtpSession] {
  const salt = profile === 7 ? 12 : 14;
  const [ka, sa, kb, sb] = [fill(16, 1), fill(salt, 50), fill(16, 100), fill(salt, 150)];
  return [
    new SrtpSession({ profile, localKey: ka, localSalt: sa, remoteKey: kb, remoteSalt: sb }),
    new SrtpSession({ profile, localKey: kb, localSalt: sb, remoteKey: ka, remoteSalt: sa }),
  ];
}

function rtp(sequence: number, ssrc = 77): Buffer {
  const packet = Buffer.alloc(60, 9);
  packet[0] = 0x80;
  packet[1] = 96;
  packet.writeUInt16BE(sequence & 0xffff, 2);
  packet.writeUInt32BE(ssrc, 8);
  return packet;
}

/** Protected in a copy, as a socket would get it. */
function protect(session: SrtpSession, packet: Buffer): Buffer {
  const memory = Buffer.concat([packet, Buffer.alloc(SRTP_TRAILER_BYTES)]);
  return session.protect(memory, packet.length, 12);
}

test('session keys are those of RFC 3711, appendix B.3', () => {
  const key = Buffer.from('E1F97A0D3E018BE0D64FA32C06DE4139', 'hex');
  const salt = Buffer.from('0EC675AD498AFEEBB6960B3AABE6', 'hex');
  const keys = deriveSessionKeys(1, 'rtp', key, salt);
  expect(keys.cipherKey.export().toString('hex')).toBe('c61e7a93744f39ee10734afe3ff7a087');
  expect(keys.salt.toString('hex')).toBe('30cbbc08863d8c85d49db34a9ae1');
  expect(keys.authKey.toString('hex')).toBe('cebe321f6ff7716b6fd4ab49af256a156d38baa4');
});

describe.each([1, 7] as const)('profile %i', (profile) => {
  test('protects and unprotects, both kinds, over the sequence wrap', () => {
    const [a, b] = pair(profile);
    for (let i = 65_500; i < 65_600; i++) {
      const plain = rtp(i);
      expect(b.unprotect(protect(a, plain))).toEqual(plain);
    }
    const rtcp = Buffer.from('80c9000100000001', 'hex');
    expect(b.unprotectRtcp(a.protectRtcp(rtcp))).toEqual(rtcp);
  });

  test('a loss of 240 packets over the wrap is no end of it', () => {
    const [a, b] = pair(profile);
    for (let i = 65_400; i < 66_000; i++) {
      const sent = protect(a, rtp(i));
      if (i >= 65_420 && i < 65_660) continue;
      expect(b.unprotect(sent)).toEqual(rtp(i));
    }
  });

  test('rollovers that nobody saw are found: packets arrive and none is authentic', () => {
    const [a, b] = pair(profile);
    expect(b.unprotect(protect(a, rtp(100)))).toBeDefined();
    // More than a whole round of sequence numbers is lost.
    for (let i = 101; i < 80_000; i++) protect(a, rtp(i));
    let heard = 0;
    for (let i = 80_000; i < 80_050; i++) if (b.unprotect(protect(a, rtp(i)))) heard++;
    expect(heard).toBeGreaterThan(30);
    expect(b.counters.srtp_rollovers_found).toBe(1);
    // What was sent before, and is authentic, stays refused as a replay.
    const [c] = pair(profile);
    for (let i = 0; i < 40; i++) expect(b.unprotect(protect(c, rtp(200)))).toBeUndefined();
  });

  test('refuses replays and forgeries, and counts them', () => {
    const [a, b] = pair(profile);
    const sent = protect(a, rtp(5));
    expect(b.unprotect(sent)).toBeDefined();
    expect(b.unprotect(sent)).toBeUndefined();
    const forged = Buffer.from(protect(a, rtp(6)));
    forged[20] = (forged[20] as number) ^ 1;
    expect(b.unprotect(forged)).toBeUndefined();
    expect(b.unprotect(Buffer.from([0x80]))).toBeUndefined();
    const rtcp = a.protectRtcp(Buffer.from('80c9000100000001', 'hex'));
    expect(b.unprotectRtcp(rtcp)).toBeDefined();
    expect(b.unprotectRtcp(rtcp)).toBeUndefined();
    expect(b.counters).toMatchObject({ srtp_replayed: 2, srtp_auth_failed: 1, srtp_malformed: 1 });
  });

  test('a peer cannot make more than 64 streams of state', () => {
    const [a, b] = pair(profile);
    for (let ssrc = 1; ssrc <= 100; ssrc++) b.unprotect(protect(a, rtp(1, ssrc)));
    expect(b.counters.srtp_streams_refused).toBe(36);
  });

  test('werift decrypts our packets', () => {
    const salt = profile === 7 ? 12 : 14;
    const keys = {
      localMasterKey: fill(16, 1),
      localMasterSalt: fill(salt, 2),
      remoteMasterKey: fill(16, 1),
      remoteMasterSalt: fill(salt, 2),
    };
    const other = new WeriftSession({ keys, profile });
    const own = new SrtpSession({
      profile,
      localKey: fill(16, 1),
      localSalt: fill(salt, 2),
      remoteKey: fill(16, 1),
      remoteSalt: fill(salt, 2),
    });
    expect(other.decrypt(protect(own, rtp(9)))).toEqual(rtp(9));
  });
});

test('the index of a packet follows RFC 3711, 3.3.1', () => {
  expect(estimateIndex(65_530, 3)).toBe(65_539);
  expect(estimateIndex(65_539, 65_530)).toBe(65_530);
  expect(estimateIndex(0x1_8000, 0x7fff)).toBe(0x1_7fff);
  expect(estimateIndex(5, 65_530)).toBe(65_530);
});
