/** How the layers of the configuration are read, and every kind of fault. */
import { expect, test } from 'vitest';
import { type ConfigInputs, loadConfig, readConfig } from '../../../src/config/load.js';

const faultsOf = (inputs: ConfigInputs) => readConfig(inputs).faults.map(({ text }) => text);
const file = (text: string) => ({ path: 'own.yaml', text });

test('the defaults are a valid configuration', () => {
  const { config, settings } = loadConfig({});
  expect(config.rooms.mix).toMatchObject({ width: 1280, height: 720, frameRate: 30 });
  expect(config.http).toMatchObject({ host: '127.0.0.1', port: 8080, tls: 'off', origins: [] });
  expect(new Set(settings.map(({ source }) => source))).toEqual(new Set(['default']));
});

test('flags win over the environment, the environment over the file, the file over defaults', () => {
  const { config, settings } = loadConfig({
    file: file('video: { width: 640, height: 360, frameRate: 20 }\nlogLevel: warn'),
    environment: { TESSERA_VIDEO_HEIGHT: '480', TESSERA_VIDEO_FRAME_RATE: '25' },
    flags: { 'video.frameRate': '15' },
    defaults: { logLevel: 'debug', host: '0.0.0.0' },
  });
  expect(config.rooms.mix).toMatchObject({ width: 640, height: 480, frameRate: 15 });
  expect([config.logLevel, config.http.host]).toEqual(['warn', '0.0.0.0']);
  const sourceOf = (key: string) => settings.find(({ setting }) => setting.key === key)?.source;
  expect(['video.width', 'video.height', 'video.frameRate', 'host'].map(sourceOf)).toEqual([
    'file',
    'environment',
    'flag',
    'default',
  ]);
});

test('values have their types: lists, pairs, flags and units', () => {
  const yaml = `
auth: { keys: { one: a-key, two: b-key } }
web: { origins: [https://a.example, https://b.example] }
audio: { dtx: off, levelling: true, bitrate: 64 }
load: { admission: 50 }
live: { keyframeSeconds: 2 }
data: { dir: /data }`;
  const { config } = loadConfig({ file: file(yaml) });
  expect(config.auth.keys).toEqual([
    { id: 'one', secret: 'a-key' },
    { id: 'two', secret: 'b-key' },
  ]);
  expect(config.http.origins).toEqual(['https://a.example', 'https://b.example']);
  expect(config.rooms).toMatchObject({ dtx: false, admissionShare: 0.5, dataDir: '/data' });
  expect(config.rooms.mix).toMatchObject({ levelling: true, audioBitrateBps: 64_000 });
  expect(config.live).toMatchObject({ keyframeMs: 2000, folder: '/data/hls' });
  expect(config.recording).toMatchObject({ folder: '/data/recordings', format: 'mp4' });
});

test('the configuration is frozen, parts of parts too', () => {
  const { config } = loadConfig({ environment: { TESSERA_WEBHOOKS_URLS: '' } });
  const write = (target: object, key: string) => () => Reflect.set(target, key, 1);
  for (const part of [config, config.http, config.rooms.mix, config.rooms.mix.renditions]) {
    expect(Object.isFrozen(part)).toBe(true);
    expect(write(part, '0')()).toBe(false);
  }
});

test.each<[string, ConfigInputs, RegExp]>([
  [
    'a number out of range',
    { flags: { 'audio.bitrate': '9999' } },
    /^--audio-bitrate=9999: must be a whole number from 16 to 256 \(kbit\/s\)$/,
  ],
  ['a number that is none', { environment: { TESSERA_PORT: 'x' } }, /^TESSERA_PORT=x: must be/],
  ['a wrong multiple', { environment: { TESSERA_VIDEO_WIDTH: '1281' } }, /a multiple of 16$/],
  ['an unknown word', { environment: { TESSERA_VIDEO_FIT: 'zoom' } }, /one of crop \| letterbox$/],
  [
    'a flag that is neither on nor off',
    { environment: { TESSERA_ICE_TCP: 'yes' } },
    /one of off \| on$/,
  ],
  [
    'an unknown variable',
    { environment: { TESSERA_NOPE: '1' } },
    /^TESSERA_NOPE: no such setting$/,
  ],
  [
    'an unknown key of the file',
    { file: file('video: { wide: 1 }') },
    /^own\.yaml: video\.wide: no such setting$/,
  ],
  [
    'a mapping where text is expected',
    { file: file('host: { a: b }') },
    /^own\.yaml: host: must not have parts$/,
  ],
  ['a file that is not YAML', { file: file('video: [}') }, /^own\.yaml: /],
  [
    'an unknown codec',
    { environment: { TESSERA_VIDEO_CODECS: 'h264,h266' } },
    /^TESSERA_VIDEO_CODECS: h264,h266: must name/,
  ],
  [
    'a wrong port range',
    { file: file('ice: { portRange: 9-5 }') },
    /^own\.yaml: ice\.portRange: 9-5: must be first-last/,
  ],
  [
    'an advertised name',
    { flags: { 'ice.advertisedAddresses': 'a.example' } },
    /^--ice-advertised-addresses: a\.example is not an IP address$/,
  ],
  [
    'a key without a secret',
    { environment: { TESSERA_AUTH_KEYS: 'nonsense' } },
    /^TESSERA_AUTH_KEYS: must be key:secret/,
  ],
  [
    'a key that is there twice',
    { environment: { TESSERA_AUTH_KEYS: 'a:b,a:c' } },
    /the key a is there twice$/,
  ],
  [
    'a store without a bucket',
    { environment: { TESSERA_RECORDING_STORE: 's3' } },
    /^recording\.s3Bucket: must be set/,
  ],
  [
    'a store at no URL',
    {
      environment: {
        TESSERA_RECORDING_STORE: 's3',
        TESSERA_RECORDING_S3_BUCKET: 'b',
        TESSERA_RECORDING_S3_ENDPOINT: 'x',
      },
    },
    /^TESSERA_RECORDING_S3_ENDPOINT: x is not a URL$/,
  ],
  [
    'a webhook to no web page',
    {
      environment: {
        TESSERA_WEBHOOKS_URLS: 'ftp://x',
        TESSERA_WEBHOOKS_SECRET: `whsec_${'a'.repeat(40)}`,
      },
    },
    /^TESSERA_WEBHOOKS_URLS: ftp:\/\/x is not an http or https URL$/,
  ],
  [
    'a weak webhook secret',
    {
      environment: {
        TESSERA_WEBHOOKS_URLS: 'https://x.example',
        TESSERA_WEBHOOKS_SECRET: 'whsec_YWJj',
      },
    },
    /^TESSERA_WEBHOOKS_SECRET: must be whsec_/,
  ],
])('%s is a fault', (_name, inputs, fault) => {
  expect(faultsOf(inputs)).toEqual([expect.stringMatching(fault)]);
});

test('all faults are reported at once, with what to do, without secrets', () => {
  const environment = {
    TESSERA_VIDEO_WIDTH: '1281',
    TESSERA_PORT: 'x',
    TESSERA_NOPE: '1',
    TESSERA_AUTH_KEYS: 'very-secret',
    OTHER: 'y',
  };
  expect(() => loadConfig({ environment })).toThrow(
    expect.objectContaining({
      code: 'bad_config',
      message: expect.stringMatching(/PORT=x[\s\S]*VIDEO_WIDTH=1281[\s\S]*NOPE[\s\S]*AUTH_KEYS/),
      next: expect.stringMatching(/Set TESSERA_AUTH_KEYS=API/),
    }),
  );
  expect(faultsOf({ environment }).join()).not.toMatch(/very-secret|OTHER/);
  // The rest can be used, with the defaults in place of what is wrong.
  expect(readConfig({ environment }).config.http.port).toBe(8080);
});

test('secret values of the wrong kind are masked', () => {
  const yaml = 'ice: { secret: { very-secret: 1 } }';
  expect(faultsOf({ file: file(yaml) })).toEqual(['own.yaml: ice.secret: must not have parts']);
});
