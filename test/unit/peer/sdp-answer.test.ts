import { expect, test } from 'vitest';
import { TesseraError } from '../../../src/errors.js';
import { writeAnswer } from '../../../src/peer/sdp-answer.js';
import { parseOffer } from '../../../src/peer/sdp-offer.js';

const FINGERPRINT =
  'AA:BB:CC:DD:EE:FF:00:11:22:33:44:55:66:77:88:99:AA:BB:CC:DD:EE:FF:00:11:22:33:44:55:66:77:88:99';

function section(
  mid: number,
  kind: 'audio' | 'video',
  direction: string,
  extra: string[] = [],
): string[] {
  const codecs =
    kind === 'audio'
      ? [
          'm=audio 9 UDP/TLS/RTP/SAVPF 111 63 0',
          'a=rtpmap:63 red/48000/2',
          'a=fmtp:63 111/111',
          'a=rtpmap:111 opus/48000/2',
          'a=fmtp:111 minptime=10;useinbandfec=1',
          'a=rtpmap:0 PCMU/8000',
        ]
      : [
          'm=video 9 UDP/TLS/RTP/SAVPF 96 97 102 103 104 105',
          'a=rtpmap:96 VP8/90000',
          'a=rtpmap:97 rtx/90000',
          'a=fmtp:97 apt=96',
          'a=rtpmap:102 H264/90000',
          'a=fmtp:102 level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=42001f',
          'a=rtpmap:103 rtx/90000',
          'a=fmtp:103 apt=102',
          'a=rtpmap:104 H264/90000',
          'a=fmtp:104 level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=42e01f',
          'a=rtpmap:105 H264/90000',
          'a=fmtp:105 level-asymmetry-allowed=1;packetization-mode=0;profile-level-id=42e01f',
        ];
  return [
    ...codecs,
    `a=mid:${mid}`,
    `a=${direction}`,
    'a=ice-ufrag:abcd',
    'a=ice-pwd:abcdefghijklmnopqrstuv',
    `a=fingerprint:sha-256 ${FINGERPRINT}`,
    'a=setup:actpass',
    'a=rtcp-mux',
    'a=extmap:4 urn:ietf:params:rtp-hdrext:sdes:mid',
    'a=extmap:3 http://www.ietf.org/id/draft-holmer-rmcat-transport-wide-cc-extensions-01',
    ...extra,
  ];
}

function offer(...sections: string[][]): string {
  const mids = sections.map((_, index) => index).join(' ');
  const head = ['v=0', 'o=- 1 2 IN IP4 127.0.0.1', 's=-', 't=0 0', `a=group:BUNDLE ${mids}`];
  return `${[...head, ...sections.flat()].join('\r\n')}\r\n`;
}

const streams = { cname: 'c', audioSsrc: 1, videoSsrc: 2, videoRtxSsrc: 3 };
const transport = {
  usernameFragment: 'u',
  password: 'p',
  fingerprint: FINGERPRINT,
  candidates: ['1 1 udp 1 1.2.3.4 5 typ host'],
};
const full = () =>
  offer(
    section(0, 'audio', 'sendonly'),
    section(1, 'video', 'sendonly', [
      'a=ssrc-group:FID 10 11',
      'a=ssrc:10 cname:x',
      'a=ssrc:11 cname:x',
    ]),
    section(2, 'audio', 'recvonly'),
    section(3, 'video', 'recvonly'),
  );

test('each m-line gets its use, and the composite one codec: H.264 constrained baseline', () => {
  const { media, remote } = parseOffer(full(), ['h264', 'vp8']);
  expect(media.sections.map(({ use }) => use)).toEqual(['mic', 'camera', 'mix-audio', 'mix-video']);
  expect(
    media.sections[1]?.formats.map(({ codec, payloadType, rtxPayloadType }) => [
      codec,
      payloadType,
      rtxPayloadType,
    ]),
  ).toEqual([
    ['vp8', 96, 97],
    ['h264', 104, undefined],
  ]);
  expect(media.sections[1]?.ssrcs).toEqual(new Map([[10, 11]]));
  expect(media.sections[3]?.formats.map(({ payloadType }) => payloadType)).toEqual([104]);
  expect(remote.localRole).toBe('server');
  expect(media.extensions).toMatchObject({ mid: 4, transportSequence: 3 });
});

test('the answer mirrors the offer', () => {
  const answer = writeAnswer(parseOffer(full(), ['vp8']), transport, streams, { dtx: true });
  expect(answer).toContain('a=group:BUNDLE 0 1 2 3');
  expect(answer.match(/a=(sendonly|recvonly)/g)).toEqual([
    'a=recvonly',
    'a=recvonly',
    'a=sendonly',
    'a=sendonly',
  ]);
  expect(answer).toContain('a=setup:passive');
  expect(answer).toContain('a=ssrc-group:FID 2 3');
  expect(answer.match(/a=candidate/g)).toHaveLength(1);
  expect(answer).not.toContain('PCMU');
  // Redundancy is preferred for what the client sends.
  expect(answer).toContain('m=audio 9 UDP/TLS/RTP/SAVPF 63 111\r\n');
  expect(answer).toContain('a=fmtp:63 111/111');
});

test('the next that send are the screen and its sound, which has no silence to leave out', () => {
  const parsed = parseOffer(
    offer(
      section(0, 'audio', 'sendonly'),
      section(1, 'video', 'sendonly'),
      section(2, 'audio', 'recvonly'),
      section(3, 'video', 'recvonly'),
      section(4, 'video', 'sendonly'),
      section(5, 'audio', 'sendonly'),
      section(6, 'video', 'sendonly'),
    ),
    ['vp8'],
  );
  expect(parsed.media.sections.map(({ use }) => use)).toEqual([
    'mic',
    'camera',
    'mix-audio',
    'mix-video',
    'screen',
    'screen-audio',
    'unused',
  ]);
  const answer = writeAnswer(parsed, transport, streams, { dtx: true });
  expect(answer.match(/usedtx=\d/g)).toEqual(['usedtx=1', 'usedtx=0', 'usedtx=0']);
});

test('an m-line with no codec of ours is refused alone', () => {
  const odd = section(1, 'video', 'sendonly').map((line) => line.replace(/VP8|H264/, 'H263'));
  const parsed = parseOffer(offer(section(0, 'audio', 'sendonly'), odd), ['h264', 'vp8']);
  const answer = writeAnswer(parsed, transport, streams, { dtx: true });
  expect(answer).toContain('m=video 0 ');
  expect(answer).toContain('a=group:BUNDLE 0\r\n');
  const refused = parsed.media.sections.map((one) => one.refused);
  expect(refused[0]).toBeUndefined();
  expect(refused[1]?.kind).toBe('video');
  expect(refused[1]?.offered[0]).toBe('H263');
  expect(refused[1]?.offered[1]).toMatch(/^H263 \(.*profile-level-id=42001f\)$/);
});

test('telephone codecs are taken where there is no Opus, with or without a=rtpmap', () => {
  const formatsOf = (...lines: string[]) =>
    parseOffer(
      offer([...lines, ...section(0, 'audio', 'sendonly').slice(6)]),
      [],
    ).media.sections[0]?.formats.map(({ codec, payloadType }) => `${codec} ${payloadType}`);
  expect(formatsOf('m=audio 9 UDP/TLS/RTP/SAVPF 0 8')).toEqual(['pcmu 0', 'pcma 8']);
  expect(formatsOf('m=audio 9 UDP/TLS/RTP/SAVPF 9 13', 'a=rtpmap:9 G722/8000')).toEqual(['g722 9']);
  expect(formatsOf('m=audio 9 UDP/TLS/RTP/SAVPF 0 111', 'a=rtpmap:111 opus/48000/2')).toEqual([
    'opus 111',
  ]);
  const surround = 'a=rtpmap:111 multiopus/48000/6';
  expect(formatsOf('m=audio 9 UDP/TLS/RTP/SAVPF 111', surround)).toEqual([]);
});

test('header extensions with ids above 14, and that both forms are allowed, are repeated', () => {
  const extensions = [
    'a=extmap-allow-mixed',
    'a=extmap:200 urn:ietf:params:rtp-hdrext:sdes:mid',
    'a=extmap:15 urn:ietf:params:rtp-hdrext:ssrc-audio-level',
    'a=extmap:4096 urn:3gpp:video-orientation',
  ];
  const parsed = parseOffer(offer(section(0, 'video', 'sendonly', extensions)), []);
  expect(parsed.media.extensions).toMatchObject({ mid: 200, audioLevel: 0, orientation: 0 });
  const answer = writeAnswer(parsed, transport, streams, { dtx: true });
  expect(answer).toContain('a=extmap-allow-mixed\r\n');
  expect(answer.match(/a=extmap:\d+/g)).toEqual(['a=extmap:4', 'a=extmap:3', 'a=extmap:200']);
});

test('layers without ids are known by their group of SSRCs', () => {
  const group = [
    'a=ssrc-group:SIM 1 2 3',
    'a=ssrc-group:FID 1 11',
    ...[1, 2, 3, 11].map((ssrc) => `a=ssrc:${ssrc} cname:x`),
  ];
  const [only] = parseOffer(offer(section(0, 'video', 'sendonly', group)), []).media.sections;
  expect(only?.simulcastSsrcs).toEqual(new Set([1, 2, 3]));
  expect(only?.ssrcs).toEqual(
    new Map([
      [1, 11],
      [2, undefined],
      [3, undefined],
    ]),
  );
});

test.each([
  ['', 'nothing'],
  ['hello', 'no SDP'],
  [full().replace(/a=group.*\r\n/, ''), 'no BUNDLE'],
  [full().replace(/a=ice-ufrag.*\r\n/g, ''), 'no ICE credentials'],
  [full().replace(/a=fingerprint.*\r\n/g, ''), 'no fingerprint'],
  [full().replace(/a=mid:3/, 'a=mid:2'), 'the same mid twice'],
  [offer(...Array.from({ length: 9 }, (_, i) => section(i, 'audio', 'sendonly'))), 'nine m-lines'],
  ['v=0\r\n'.repeat(20_000), 'too long'],
])('refuses an offer with %#', (sdp) => {
  expect(() => parseOffer(sdp, ['vp8'])).toThrow(TesseraError);
});
