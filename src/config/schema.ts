/**
 * Every setting of the server: its key, unit, range, default and what it is for. The README's table
 * is generated from this list and checked.
 */
interface Described {
  readonly key: string;
  readonly about: string;
}

export interface NumberSetting extends Described {
  readonly kind: 'number';
  readonly unit: string;
  readonly min: number;
  readonly max: number;
  /** The value must be a multiple of this. */
  readonly step?: number;
  readonly default: number;
}

export interface ChoiceSetting extends Described {
  readonly kind: 'choice';
  readonly values: readonly string[];
  readonly default: string;
}

export interface TextSetting extends Described {
  readonly kind: 'text';
  readonly secret?: boolean;
  readonly default: string;
}

export type Setting = NumberSetting | ChoiceSetting | TextSetting;

const number = (
  key: string,
  unit: string,
  [min, max]: readonly [number, number],
  value: number,
  about: string,
  step?: number,
): NumberSetting => ({
  kind: 'number',
  key,
  unit,
  min,
  max,
  default: value,
  about,
  ...(step === undefined ? {} : { step }),
});
const choice = (key: string, values: readonly string[], about: string): ChoiceSetting => ({
  kind: 'choice',
  key,
  values,
  default: values[0] as string,
  about,
});
const text = (key: string, value: string, about: string, secret = false): TextSetting => ({
  kind: 'text',
  key,
  default: value,
  about,
  secret,
});

export const SETTINGS = [
  text('host', '127.0.0.1', 'Address the web server listens on; `--lan` makes it `0.0.0.0`.'),
  number('port', 'port', [0, 65_535], 8080, 'Port of the web server; 0 lets the system choose.'),
  choice('tls', ['off', 'self-signed'], 'HTTPS with a certificate made at start; `--lan` sets it.'),
  choice(
    'logLevel',
    ['info', 'debug', 'warn', 'error', 'silent'],
    'Least severe log lines written.',
  ),
  number(
    'video.width',
    'pixels',
    [320, 1920],
    1280,
    'Width of the composite; a multiple of 16.',
    16,
  ),
  number('video.height', 'pixels', [180, 1920], 720, 'Height of the composite; even.', 2),
  number('video.frameRate', 'frames/s', [5, 60], 30, 'Frame rate of the composite.'),
  number(
    'video.bitrate',
    'kbit/s',
    [100, 20_000],
    1800,
    'Bitrate of the composite, packet headers included.',
  ),
  text(
    'video.renditions',
    'auto',
    'What the composite is encoded in, best first: `1280x720@30:1800,640x360@30:600` in kbit/s. `auto` is the canvas at `video.bitrate`, and a half and a quarter of its sides at a third and a twelfth of that.',
  ),
  number(
    'video.lifelineSeconds',
    'seconds',
    [0, 30],
    2,
    'The least of links get a still picture this often, and the sound; 0 gives them the sound alone.',
  ),
  number('video.lifelineBitrate', 'kbit/s', [10, 200], 30, 'Bitrate of those stills.'),
  text(
    'video.codecs',
    'h264,vp8',
    'Codecs for the composite, best first, of `h264`, `vp8`, `vp9` and `av1`: each client gets the first that it decodes.',
  ),
  choice(
    'video.hardware',
    ['off', 'nvenc', 'vaapi', 'qsv'],
    'Encodes H.264 in hardware, if it is found to work when the server starts.',
  ),
  choice('video.fit', ['crop', 'letterbox'], 'How a camera fills its tile.'),
  choice('video.labels', ['on', 'off'], 'Names, mute marks and speaking borders over the tiles.'),
  choice('audio.channels', ['1', '2'], 'Mono or stereo mix.'),
  number('audio.bitrate', 'kbit/s', [16, 256], 48, 'Bitrate of each audio mix.'),
  number(
    'audio.lowBitrate',
    'kbit/s',
    [8, 64],
    16,
    'Bitrate of the mixes for links that take little; with packet headers 9 kbit/s more.',
  ),
  number('audio.maxSpeakers', 'speakers', [1, 32], 8, 'How many may be heard at once.'),
  choice('audio.levelling', ['off', 'on'], 'Brings all voices to one loudness (-20 LUFS), slowly.'),
  choice('audio.noiseGate', ['on', 'off'], 'Turns down the steady noise of those who say nothing.'),
  choice(
    'audio.dtx',
    ['on', 'off'],
    'Asks clients not to send silence (discontinuous transmission).',
  ),
  choice(
    'audio.placement',
    ['off', 'on'],
    'Voices are heard from where their tiles are; needs `audio.channels: 2`.',
  ),
  text('recording.folder', '', 'Where recordings are kept; empty is `recordings` in `data.dir`.'),
  choice(
    'recording.format',
    ['mp4', 'webm', 'ogg', 'm4a'],
    'Of recordings that ask for none: H.264 or VP8 with sound, or (`ogg`, `m4a`) sound alone.',
  ),
  choice(
    'recording.audioCodec',
    ['opus', 'aac'],
    'Sound of MP4 files: Opus as it was sent, or AAC for players that take nothing else.',
  ),
  number('recording.audioBitrate', 'kbit/s', [32, 320], 96, 'Bitrate of AAC.'),
  choice(
    'recording.announce',
    ['off', 'tone', 'voice'],
    'What everybody hears when a recording begins and ends; all see it on the page in any case.',
  ),
  choice('recording.auto', ['off', 'on'], 'Records every room from when the first comes in.'),
  number(
    'recording.keyframeSeconds',
    'seconds',
    [0, 600],
    10,
    'How often a keyframe is asked for while it is recorded, to begin playing at; 0: only those that come anyway.',
  ),
  number(
    'recording.minFreeSpace',
    'MB',
    [0, 1_000_000],
    500,
    'With less free space no recording is begun.',
  ),
  number(
    'recording.maxAgeDays',
    'days',
    [0, 3650],
    0,
    'Older recordings are deleted; 0 keeps them.',
  ),
  number(
    'recording.maxTotalSize',
    'MB',
    [0, 100_000_000],
    0,
    'Beyond, the oldest recordings are deleted; 0 is without limit.',
  ),
  choice(
    'recording.store',
    ['local', 's3'],
    'Where recordings end up: in their folder, or in an S3-compatible store, to which they go while they grow.',
  ),
  text('recording.s3Bucket', '', 'Bucket of the store; it must exist.'),
  text('recording.s3Prefix', '', 'Put before all keys, `recordings/` for instance.'),
  text('recording.s3Endpoint', '', "URL of a store that is not Amazon's."),
  text('recording.s3Region', 'us-east-1', 'Region of the bucket.'),
  text(
    'recording.s3AccessKey',
    '',
    'Access key; empty: as the AWS SDK finds one (environment, profile, instance).',
  ),
  text('recording.s3SecretKey', '', 'Secret of that key.', true),
  choice('recording.s3PathStyle', ['on', 'off'], 'The bucket in the path, not in the host name.'),
  choice(
    'recording.playback',
    ['hosts', 'everybody'],
    'Who in a room may play and download its recordings; only hosts begin, end and delete them.',
  ),
  choice(
    'live.privateDestinations',
    ['off', 'on'],
    'Live outputs may go to loopback, private and link-local addresses.',
  ),
  number('live.maxOutputs', 'outputs', [0, 50], 5, 'Live outputs of a room at a time.'),
  number(
    'live.keyframeSeconds',
    'seconds',
    [1, 10],
    4,
    'How often live outputs get a keyframe; the length of HLS segments.',
  ),
  number('live.audioBitrate', 'kbit/s', [32, 320], 128, 'Bitrate of the AAC of live outputs.'),
  number('room.maxParticipants', 'participants', [1, 1000], 100, 'Beyond, joining is refused.'),
  number(
    'room.maxSeconds',
    'seconds',
    [0, 31_536_000],
    0,
    'How long a room may last; 0 is without limit.',
  ),
  number(
    'room.emptySeconds',
    'seconds',
    [0, 86_400],
    20,
    'How long an empty room keeps its process.',
  ),
  number('server.maxRooms', 'rooms', [1, 10_000], 100, 'Beyond, no room is opened.'),
  number(
    'server.drainSeconds',
    'seconds',
    [0, 86_400],
    30,
    'How long the first SIGTERM or SIGINT waits for calls to end; the second ends them.',
  ),
  text(
    'data.dir',
    'data',
    'Folder for what outlives a restart: webhooks to be sent, removed tokens, rooms that were set up, recordings.',
  ),
  text(
    'auth.keys',
    '',
    'API keys and their secrets, `key:secret`, comma separated; several for rotation, tokens are made with the first. Needed on any address but loopback.',
    true,
  ),
  number(
    'auth.tokenSeconds',
    'seconds',
    [30, 31_536_000],
    21_600,
    'Life of tokens made by the server and by `tessera token`, if nothing else is asked for.',
  ),
  number(
    'auth.clockSkewSeconds',
    'seconds',
    [0, 300],
    30,
    "How far the clock of a token's maker may be off.",
  ),
  text(
    'web.origins',
    '',
    "Origins of pages, besides the server's own, that may open calls and use the API, comma separated; `*` for all.",
  ),
  text(
    'web.trustProxy',
    '',
    "Addresses or networks of reverse proxies whose `X-Forwarded-For` tells the client's address, comma separated.",
  ),
  text('webhooks.urls', '', 'Where events are sent, comma separated URLs.'),
  text(
    'webhooks.secret',
    '',
    'Signs webhooks: `whsec_` and 24 to 64 bytes in base64 (Standard Webhooks).',
    true,
  ),
  number(
    'webhooks.giveUpSeconds',
    'seconds',
    [1, 604_800],
    3600,
    'How long an event that a destination does not take is tried again.',
  ),
  choice(
    'load.control',
    ['on', 'off'],
    'When the machine has too little for them, pictures give way, step by step; sound never does.',
  ),
  number(
    'load.admission',
    '%',
    [10, 100],
    85,
    'Share of the CPU that joining may fill; beyond, 503 with Retry-After. 100 refuses nobody.',
  ),
  number(
    'limits.requestsPerMinute',
    'requests/min',
    [1, 1_000_000],
    1200,
    'HTTP requests and socket upgrades of one address; beyond, 429.',
  ),
  number(
    'limits.socketsPerAddress',
    'sockets',
    [1, 100_000],
    200,
    'Signalling sockets of one address at a time.',
  ),
  number(
    'limits.joinSeconds',
    'seconds',
    [1, 600],
    10,
    'A signalling socket that has not asked to join by then is closed.',
  ),
  text(
    'ice.advertisedAddresses',
    '',
    'Extra addresses offered to clients, comma separated (NAT 1:1).',
  ),
  text('ice.portRange', '', 'UDP ports for media, `first-last`; empty lets the system choose.'),
  choice('ice.ipv6', ['on', 'off'], 'Offer IPv6 candidates.'),
  choice(
    'ice.tcp',
    ['off', 'on'],
    'Offer TCP candidates too (RFC 6544), for clients whose networks let no UDP through.',
  ),
  choice(
    'ice.probe',
    ['auto', 'public', 'private', 'loopback'],
    'Widest kind of client address that is probed; auto: loopback when bound to it, else private.',
  ),
  text('ice.urls', '', 'STUN and TURN URLs given to clients, comma separated; none by default.'),
  text('ice.username', '', 'User name for the TURN servers.'),
  text('ice.credential', '', 'Password for the TURN servers.', true),
  text(
    'ice.secret',
    '',
    "coturn's `static-auth-secret`: clients get time-limited credentials.",
    true,
  ),
  number('ice.secretTtl', 'seconds', [60, 604_800], 86_400, 'Life of those credentials.'),
] as const satisfies readonly Setting[];

export type SettingKey = (typeof SETTINGS)[number]['key'];

/** `video.frameRate` as an environment variable: TESSERA_VIDEO_FRAME_RATE. */
export function environmentName(key: string): string {
  const snake = key.replace(/\./g, '_').replace(/([a-z0-9])([A-Z])/g, '$1_$2');
  return `TESSERA_${snake.toUpperCase()}`;
}

/** `video.frameRate` as a flag: `--video-frame-rate`. */
export function flagName(key: string): string {
  return `--${environmentName(key).slice('TESSERA_'.length).toLowerCase().replace(/_/g, '-')}`;
}

/** The README's table of settings. */
export function settingsTable(): string {
  const rows = SETTINGS.map((setting: Setting) => {
    const range =
      setting.kind === 'number'
        ? `${setting.min} to ${setting.max}`
        : setting.kind === 'choice'
          ? setting.values.map((value) => `\`${value}\``).join(', ')
          : 'text';
    const unit = setting.kind === 'number' ? setting.unit : '';
    const value = setting.default === '' ? '(empty)' : `\`${setting.default}\``;
    return `| \`${setting.key}\` | ${unit} | ${range} | ${value} | ${setting.about} |`;
  });
  return [
    '| setting | unit | range | default | what for |',
    '| --- | --- | --- | --- | --- |',
    ...rows,
  ].join('\n');
}
