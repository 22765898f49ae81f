/** Offers of many clients: each is answered as the RFCs ask, and no change of them breaks the server. */
import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { randomFrom } from '../../../src/bots/random.js';
import { TesseraError } from '../../../src/errors.js';
import { writeAnswer } from '../../../src/peer/sdp-answer.js';
import { type OfferOptions, parseOffer } from '../../../src/peer/sdp-offer.js';
import { faultsOf } from '../../support/sdp-checker.js';

const FOLDER = new URL('../../sdp/', import.meta.url);
const CORPUS = new Map(
  readdirSync(FOLDER)
    .filter((file) => file.endsWith('.sdp'))
    .map((file) => [file.replace('.sdp', ''), readFileSync(new URL(file, FOLDER), 'utf8')]),
);
const offerOf = (name: string) => CORPUS.get(name) as string;

const STREAMS = { cname: 'c', audioSsrc: 1, videoSsrc: 2, videoRtxSsrc: 3 };
const TRANSPORT = {
  usernameFragment: 'ourfragment',
  password: 'ourpasswordourpassword',
  fingerprint: Array.from({ length: 32 }, () => 'AB').join(':'),
  candidates: ['1 1 udp 2130706431 192.0.2.1 5000 typ host'],
};

function answered(sdp: string, options?: OfferOptions) {
  const offer = parseOffer(sdp, ['h264', 'vp8'], options);
  const answer = writeAnswer(offer, TRANSPORT, STREAMS, { dtx: true });
  return { offer, answer, sections: offer.media.sections };
}

test.each([...CORPUS])('%s: the answer keeps the rules', (_, sdp) => {
  expect(faultsOf(sdp, answered(sdp).answer)).toEqual([]);
});

/** Uses of the m-lines, with `+` where the mix is sent on what the client sends. */
const uses = (sdp: string, options?: OfferOptions) =>
  answered(sdp, options).sections.map(({ use, mix }) =>
    mix && !use.startsWith('mix') ? `${use}+` : use,
  );

test.each([
  ['chrome-desktop-sdk', 'mic camera data mix-audio mix-video'],
  ['chrome-desktop-add-track', 'mic+ camera+'],
  ['chrome-desktop-stopped', 'unused camera+ data'],
  ['chrome-android', 'mic camera mix-audio mix-video'],
  ['chrome-bundle-only', 'mic camera'],
  ['firefox', 'mic camera data mix-audio mix-video'],
  ['firefox-stopped', 'unused camera+'],
  ['safari-17', 'mic camera mix-audio mix-video'],
  ['safari-18', 'mic camera mix-audio mix-video'],
  ['obs-30', 'mic camera'],
  ['obs-31', 'mic camera'],
  ['obs-32', 'mic camera'],
  ['gstreamer-whip', 'camera mic'],
  ['larix', 'mic camera'],
  ['libdatachannel', 'camera data'],
  ['pion', 'camera+ mic+'],
  ['pion-ice-lite', 'mic'],
  ['aiortc', 'mic+ camera+'],
  ['ffmpeg-whip', 'mic camera'],
])('%s: its m-lines are %s', (name, wanted) => {
  expect(uses(offerOf(name)).join(' ')).toBe(wanted);
});

describe('what the client wants counts, and what kind of client it is', () => {
  test('WHEP receives on m-lines in both directions, WHIP sends', () => {
    expect(uses(offerOf('chrome-whep-sendrecv'), { only: 'receives' })).toEqual([
      'mix-audio',
      'mix-video',
    ]);
    const { answer } = answered(offerOf('chrome-whep-sendrecv'), { only: 'receives' });
    expect(answer.match(/^a=(sendonly|sendrecv|recvonly)/gm)).toEqual(['a=sendonly', 'a=sendonly']);
    expect(uses(offerOf('aiortc'), { only: 'sends' })).toEqual(['mic', 'camera']);
    expect(faultsOf(offerOf('chrome-whep-sendrecv'), answer)).toEqual([]);
  });

  test('an ICE-lite client, one that waits for our DTLS hello, credentials of the first open m-line', () => {
    expect(answered(offerOf('pion-ice-lite')).offer.remote.iceLite).toBe(true);
    expect(answered(offerOf('ffmpeg-whip')).offer.remote.localRole).toBe('client');
    const stopped = offerOf('chrome-desktop-stopped').replace(
      'a=ice-ufrag:9bQ2',
      'a=ice-ufrag:old1',
    );
    expect(answered(stopped).offer.remote.usernameFragment).toBe('9bQ2');
  });

  test('feedback for all formats counts for each', () => {
    const sdp = offerOf('obs-31').replaceAll(/a=rtcp-fb:\d+ /g, 'a=rtcp-fb:* ');
    const [, camera] = answered(sdp).sections;
    expect(camera?.formats[0]?.nack).toBe(true);
    expect(answered(sdp).answer).toContain('a=rtcp-fb:96 nack pli');
    expect(faultsOf(sdp, answered(sdp).answer)).toEqual([]);
  });
});

describe('changes under way', () => {
  const first = answered(offerOf('chrome-desktop-sdk')).offer;
  /** The offer with an m-line stopped as Chromium does it. */
  const stop = (sdp: string, mid: number) =>
    sdp
      .split(/(?=^m=)/m)
      .map((part) =>
        part.includes(`a=mid:${mid}\r\n`)
          ? part.replace(/^(m=\w+) 9/, '$1 0').replace(/a=(send|recv)\w+/, 'a=inactive')
          : part,
      )
      .join('')
      .replace(/(a=group:BUNDLE.*) (\d) /, (line) => line.replace(` ${mid}`, ''))
      .replace(`BUNDLE ${mid} `, 'BUNDLE ');

  test.each([0, 1, 3, 4])('m-line %i stops: port 0, and the others go on as they were', (mid) => {
    const sdp = stop(offerOf('chrome-desktop-sdk'), mid);
    const { sections, answer } = answered(sdp, { previous: first });
    const before = first.media.sections.map(({ use }) => use);
    expect(sections.map(({ use }) => use)).toEqual(before.with(mid, 'unused'));
    expect(answer.split(/(?=^m=)/m)[mid + 1]).toMatch(/^m=\w+ 0 /);
    expect(faultsOf(sdp, answer)).toEqual([]);
  });

  test('a new m-line takes the place of the stopped one, under a new mid', () => {
    const stopped = answered(stop(offerOf('chrome-desktop-sdk'), 1), { previous: first }).offer;
    const sdp = offerOf('chrome-desktop-sdk')
      .replace('a=mid:1\r\n', 'a=mid:7\r\n')
      .replace('BUNDLE 0 1 2', 'BUNDLE 0 7 2');
    const { sections, answer } = answered(sdp, { previous: stopped });
    expect(sections.map(({ use }) => use)).toEqual(first.media.sections.map(({ use }) => use));
    expect(faultsOf(sdp, answer)).toEqual([]);
  });

  test('an m-line that comes later takes nothing from those before', () => {
    const before = answered(offerOf('chrome-desktop-add-track')).offer;
    const more = offerOf('chrome-desktop-sdk')
      .split(/(?=^m=)/m)
      .at(-1) as string;
    const sdp = offerOf('chrome-desktop-add-track').replace('BUNDLE 0 1', 'BUNDLE 0 1 4') + more;
    expect(uses(sdp, { previous: before })).toEqual(['mic+', 'camera+', 'unused']);
    expect(uses(sdp)).toEqual(['mic+', 'camera', 'mix-video']);
  });

  test('all m-lines may stop', () => {
    const sdp = [0, 1, 2, 3, 4].reduce(stop, offerOf('chrome-desktop-sdk'));
    expect(() => answered(sdp)).toThrow(TesseraError);
    expect(faultsOf(sdp, answered(sdp, { previous: first }).answer)).toEqual([]);
  });
});

test('no change of an offer gives anything but an answer or bad_sdp', () => {
  const random = randomFrom(18);
  const pick = <T>(items: readonly T[]) => items[Math.floor(random() * items.length)] as T;
  const odd = ['', '0', '1', '-1', '*', ' ', '4294967296', '1e9', 'x', ':', ';', '=', '__proto__'];
  const all = [...CORPUS.values()];
  const lines = all.flatMap((sdp) => sdp.split('\r\n'));
  const changes: ((line: string) => string)[] = [
    () => '',
    () => pick(lines),
    (line) => `${line}\r\n${line}`,
    (line) => line.slice(0, Math.floor(random() * line.length)),
    (line) => line.replace(/[\w/-]+/g, (word) => (random() < 0.3 ? pick(odd) : word)),
    (line) => line.replace(/\d+/g, (word) => (random() < 0.5 ? pick(odd) : word)),
    (line) => line.replaceAll(' ', () => (random() < 0.5 ? pick(odd) : ' ')),
  ];
  let answers = 0;
  for (let round = 0; round < 1500; round++) {
    const sdp = pick(all).split('\r\n');
    for (let i = 0; i < 1 + random() * 3; i++) {
      const at = Math.floor(random() * sdp.length);
      sdp[at] = pick(changes)(sdp[at] as string);
    }
    const changed = sdp.join('\r\n');
    try {
      expect(answered(changed).answer, changed).not.toMatch(/undefined|NaN|\[object/);
      answers++;
    } catch (error) {
      if (!(error instanceof TesseraError) || error.code !== 'bad_sdp')
        throw new Error(changed, { cause: error });
    }
  }
  expect(answers).toBeGreaterThan(400);
});

test.each(['a=ssrc-group:FID 1', 'a=ssrc-group:FID', 'a=rid:1 send', 'a=fmtp:96 5'])(
  '%s is no internal error',
  (line) => {
    expect(faultsOf(...both(`${offerOf('obs-30')}${line}\r\n`))).toEqual([]);
  },
);
const both = (sdp: string) => [sdp, answered(sdp).answer] as const;
