import { connect, createServer } from 'node:net';
import { expect, onTestFinished, test } from 'vitest';
import type { LiveKindContext } from '../../../../../src/outputs/live/kinds/live-kind.js';
import {
  checkTarget,
  LIVE_KIND_DEFINITIONS,
  liveUrlDescription,
} from '../../../../../src/outputs/live/kinds/live-kinds.js';

const context = (change: Partial<LiveKindContext> = {}): LiveKindContext => ({
  id: 'abc',
  folder: '/data/hls/abc',
  keyframeMs: 2000,
  allowPrivate: false,
  resolve: async () => ['8.8.8.8'],
  ...change,
});
const noFault = (message: string) => {
  throw new Error(message);
};

test('every kind accepts its own URLs only', () => {
  const urls = {
    rtmp: 'rtmp://host/app/key',
    rtmps: 'rtmps://host/app/key',
    srt: 'srt://host:9000',
    hls: 'hls',
  };
  for (const [kind, { accepts }] of Object.entries(LIVE_KIND_DEFINITIONS)) {
    for (const [other, url] of Object.entries(urls)) {
      expect([kind, other, accepts(url)]).toEqual([kind, other, kind === other]);
    }
  }
});

test.each([
  'ftp://host/a/b',
  'rtmp://host/',
  'rtmp://u:p@host/app/key',
  'srt://host:9000?linger=5',
  'srt://host:9000?passphrase=short',
  'srt://host:9000?passphrase=long-enough-secret&mode=rendezvous',
  'srt://host:9000?latency=soon',
  'file:///etc/passwd',
  'HLS',
  '',
])('%s is not a destination', async (url) => {
  await expect(checkTarget(url, context())).rejects.toMatchObject({ code: 'bad_destination' });
});

test.each([
  'rtmp://10.0.0.1/app/key',
  'rtmps://[::1]/app/key',
  'srt://169.254.169.254:9000',
  'rtmp://intranet.example/app/key',
])('%s is refused unless private destinations are allowed', async (url) => {
  const resolve = async () => ['192.168.1.7'];
  await expect(checkTarget(url, context({ resolve }))).rejects.toMatchObject({
    code: 'destination_forbidden',
  });
  await expect(checkTarget(url, context({ resolve, allowPrivate: true }))).resolves.toBeDefined();
});

test('RTMP: the key is not shown, and FFmpeg connects to a relay on this machine', async () => {
  const { kind, target } = await checkTarget('rtmps://live.example/app/key?a=b', context());
  expect(kind).toBe('rtmps');
  expect(target.shown).toBe('rtmps://live.example/app/***');
  const stream = await target.connect(noFault);
  expect(stream).toMatchObject({ muxer: 'flv' });
  expect(stream.url).toMatch(/^rtmp:\/\/127\.0\.0\.1:\d+\/app\/key\?a=b$/);
  stream.close?.();
});

test('RTMP: the relay carries bytes both ways to the checked address', async () => {
  const far = createServer((socket) => socket.end('welcome'));
  await new Promise<void>((resolve) => far.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => {
    far.close();
  });
  const { port } = far.address() as { port: number };
  const url = `rtmp://live.example:${port}/app/key`;
  const resolve = async () => ['127.0.0.1'];
  const { target } = await checkTarget(url, context({ resolve, allowPrivate: true }));
  const stream = await target.connect(() => {});
  onTestFinished(() => stream.close?.());
  const near = connect({ host: '127.0.0.1', port: Number(new URL(stream.url).port) });
  const chunks: Buffer[] = [];
  for await (const chunk of near) chunks.push(chunk as Buffer);
  expect(Buffer.concat(chunks).toString()).toBe('welcome');
});

test('SRT: options are passed on and not shown, latency in microseconds', async () => {
  const url =
    'srt://[2606:4700::1]:9000?streamid=publish:room&passphrase=a-long-secret&latency=200';
  const { kind, target } = await checkTarget(url, context());
  expect(kind).toBe('srt');
  expect(target.shown).toBe('srt://[2606:4700::1]:9000');
  const stream = await target.connect(noFault);
  expect(stream).toMatchObject({ muxer: 'mpegts', options: {} });
  const query = new URL(stream.url).searchParams;
  expect(stream.url.startsWith('srt://[2606:4700::1]:9000?')).toBe(true);
  expect(Object.fromEntries(query)).toEqual({
    streamid: 'publish:room',
    passphrase: 'a-long-secret',
    latency: '200000',
    mode: 'caller',
    transtype: 'live',
  });
});

test('SRT: the default port is 9000, and FFmpeg gets the address instead of the name', async () => {
  const { target } = await checkTarget('srt://live.example', context());
  expect((await target.connect(noFault)).url).toMatch(/^srt:\/\/8\.8\.8\.8:9000\?/);
});

test('HLS: files in its folder, segments a little shorter than the keyframe distance', async () => {
  const { kind, target } = await checkTarget('hls', context());
  expect(kind).toBe('hls');
  expect(target).toMatchObject({
    shown: '/hls/abc/index.m3u8',
    files: { folder: '/data/hls/abc' },
  });
  expect(await target.connect(noFault)).toMatchObject({
    url: '/data/hls/abc/index.m3u8',
    muxer: 'hls',
    options: { hls_time: '1.8', hls_segment_filename: '/data/hls/abc/segment-%06d.m4s' },
  });
});

test('the description names every kind', () => {
  for (const kind of Object.keys(LIVE_KIND_DEFINITIONS)) {
    expect(liveUrlDescription()).toContain(kind);
  }
});
