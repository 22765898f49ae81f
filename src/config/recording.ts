/** Settings of recordings: files, retention, and the store that they go to. */
import { join } from 'node:path';
import {
  AUDIO_CODECS,
  FILE_FORMATS,
  type FileFormat,
  type RecordedAudioCodec,
} from '../protocol/file-format.js';
import type { SERVER_SETTINGS } from './server.js';
import { choice, flag, number, type ReportFault, text, type ValuesOf } from './setting.js';

const DAY_MS = 86_400_000;
const MEGABYTE = 1_000_000;

export const RECORDING_SETTINGS = [
  text('recording.folder', '', 'Folder of recordings; empty is `recordings` in `data.dir`.'),
  choice(
    'recording.format',
    FILE_FORMATS,
    'Format of recordings that ask for none: H.264 or VP8 with audio, or (`ogg`, `m4a`) audio alone.',
  ),
  choice(
    'recording.audioCodec',
    AUDIO_CODECS,
    'Audio of MP4 files: Opus as it was sent, or AAC for players that do not decode Opus.',
  ),
  number(
    'recording.audioBitrate',
    { unit: 'kbit/s', min: 32, max: 320, default: 96 },
    'Bitrate of AAC.',
  ),
  choice(
    'recording.announce',
    ['off', 'tone', 'voice'],
    'What everybody hears when a recording starts and stops; the page shows it in any case.',
  ),
  flag('recording.auto', 'off', 'Records every room from its first participant on.'),
  number(
    'recording.keyframeSeconds',
    { unit: 'seconds', min: 0, max: 600, default: 10 },
    'How often a recording gets a keyframe, so that players can seek; 0 asks for none.',
  ),
  number(
    'recording.minFreeSpace',
    { unit: 'MB', min: 0, max: 1_000_000, default: 500 },
    'With less free space no recording starts.',
  ),
  number(
    'recording.maxAgeDays',
    { unit: 'days', min: 0, max: 3650, default: 0 },
    'Older recordings are deleted; 0 keeps them.',
  ),
  number(
    'recording.maxTotalSize',
    { unit: 'MB', min: 0, max: 100_000_000, default: 0 },
    'Size of all recordings; beyond, the oldest are deleted. 0 is without limit.',
  ),
  choice(
    'recording.store',
    ['local', 's3'],
    'Where recordings end up: in their folder, or in an S3-compatible store, uploaded while they grow.',
  ),
  text('recording.s3Bucket', '', 'Bucket of the store; it must exist.'),
  text('recording.s3Prefix', '', 'Put before all keys, for instance `recordings/`.'),
  text('recording.s3Endpoint', '', "URL of a store that is not Amazon's."),
  text('recording.s3Region', 'us-east-1', 'Region of the bucket.'),
  text(
    'recording.s3AccessKey',
    '',
    'Access key; empty: as the AWS SDK finds one (environment, profile, instance).',
  ),
  text('recording.s3SecretKey', '', 'Secret of that key.', { secret: true }),
  flag('recording.s3PathStyle', 'on', 'The bucket is in the path, not in the host name.'),
  choice(
    'recording.playback',
    ['hosts', 'everybody'],
    'Who in a room may play and download its recordings; only hosts start, stop and delete them.',
  ),
] as const;

type RecordingValues = ValuesOf<typeof RECORDING_SETTINGS>;

export interface S3Config {
  /** URL of a store that is not Amazon's. */
  readonly endpoint: string | undefined;
  readonly region: string;
  readonly bucket: string;
  /** Put before all keys. */
  readonly prefix: string;
  /** Undefined: as the AWS SDK finds them (environment, profile, instance). */
  readonly credentials:
    | { readonly accessKeyId: string; readonly secretAccessKey: string }
    | undefined;
  /** The bucket is in the path, not in the host name. */
  readonly pathStyle: boolean;
}

export interface RecordingConfig {
  readonly folder: string;
  readonly format: FileFormat;
  readonly audioCodec: RecordedAudioCodec;
  readonly audioBitrateBps: number;
  /** What everybody hears when a recording starts and stops. */
  readonly announce: 'off' | 'tone' | 'voice';
  /** Every room is recorded from its first participant on. */
  readonly automatic: boolean;
  /** With less free space no recording starts. */
  readonly minFreeBytes: number;
  /** How often a keyframe is asked for; 0 asks for none. */
  readonly keyframeMs: number;
  /** 0 is without limit. */
  readonly retention: { readonly maxAgeMs: number; readonly maxBytes: number };
  /** Undefined keeps recordings in the folder. */
  readonly s3: S3Config | undefined;
  /** Who in a room may play and download its recordings. */
  readonly playback: 'hosts' | 'everybody';
}

export function recordingConfig(
  values: RecordingValues & ValuesOf<typeof SERVER_SETTINGS>,
  report: ReportFault,
): RecordingConfig {
  return {
    folder: values['recording.folder'] || join(values['data.dir'], 'recordings'),
    format: values['recording.format'],
    audioCodec: values['recording.audioCodec'],
    audioBitrateBps: values['recording.audioBitrate'] * 1000,
    announce: values['recording.announce'],
    automatic: values['recording.auto'],
    minFreeBytes: values['recording.minFreeSpace'] * MEGABYTE,
    keyframeMs: values['recording.keyframeSeconds'] * 1000,
    retention: {
      maxAgeMs: values['recording.maxAgeDays'] * DAY_MS,
      maxBytes: values['recording.maxTotalSize'] * MEGABYTE,
    },
    s3: values['recording.store'] === 's3' ? s3Config(values, report) : undefined,
    playback: values['recording.playback'],
  };
}

function s3Config(values: RecordingValues, report: ReportFault): S3Config {
  const bucket = values['recording.s3Bucket'];
  const endpoint = values['recording.s3Endpoint'];
  if (bucket === '') {
    report('recording.s3Bucket', 'must be set, because recording.store is s3');
  }
  if (endpoint !== '' && !URL.canParse(endpoint)) {
    report('recording.s3Endpoint', `${endpoint} is not a URL`);
  }
  const accessKeyId = values['recording.s3AccessKey'];
  const secretAccessKey = values['recording.s3SecretKey'];
  return {
    bucket,
    endpoint: endpoint === '' ? undefined : endpoint,
    prefix: values['recording.s3Prefix'],
    region: values['recording.s3Region'],
    credentials: accessKeyId === '' ? undefined : { accessKeyId, secretAccessKey },
    pathStyle: values['recording.s3PathStyle'],
  };
}
