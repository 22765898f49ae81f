import { join } from 'node:path';
import { TesseraError } from '../errors.js';
import type { RecordingsOptions } from '../outputs/recording/recordings.js';
import { FILE_FORMATS } from '../protocol/file-format.js';
import { numberOf, type Settings, textOf } from './load.js';

const ANNOUNCEMENTS = ['tone', 'voice'] as const;
const DAY_MS = 86_400_000;
const MEGABYTE = 1_000_000;

function s3Options(settings: Settings): RecordingsOptions['s3'] {
  if (textOf(settings, 'recording.store') !== 's3') return undefined;
  const bucket = textOf(settings, 'recording.s3Bucket');
  const endpoint = textOf(settings, 'recording.s3Endpoint');
  if (bucket === '') {
    throw new TesseraError('bad_config', 'recording.store is s3, but there is no bucket', {
      next: 'Set recording.s3Bucket.',
    });
  }
  if (endpoint !== '' && !URL.canParse(endpoint)) {
    throw new TesseraError('bad_config', `recording.s3Endpoint: ${endpoint} is no URL`);
  }
  const accessKeyId = textOf(settings, 'recording.s3AccessKey');
  const secretAccessKey = textOf(settings, 'recording.s3SecretKey');
  return {
    bucket,
    endpoint: endpoint === '' ? undefined : endpoint,
    prefix: textOf(settings, 'recording.s3Prefix'),
    region: textOf(settings, 'recording.s3Region'),
    credentials: accessKeyId === '' ? undefined : { accessKeyId, secretAccessKey },
    pathStyle: textOf(settings, 'recording.s3PathStyle') === 'on',
  };
}

export function recordingsOptions(settings: Settings): RecordingsOptions {
  const folder = textOf(settings, 'recording.folder');
  const format = textOf(settings, 'recording.format');
  return {
    folder: folder === '' ? join(textOf(settings, 'data.dir'), 'recordings') : folder,
    format: FILE_FORMATS.find((one) => one === format) ?? 'mp4',
    audioCodec: textOf(settings, 'recording.audioCodec') === 'aac' ? 'aac' : 'opus',
    audioBitrateBps: numberOf(settings, 'recording.audioBitrate') * 1000,
    announce: ANNOUNCEMENTS.find((one) => one === textOf(settings, 'recording.announce')) ?? 'off',
    automatic: textOf(settings, 'recording.auto') === 'on',
    minFreeBytes: numberOf(settings, 'recording.minFreeSpace') * MEGABYTE,
    keyframeMs: numberOf(settings, 'recording.keyframeSeconds') * 1000,
    retention: {
      maxAgeMs: numberOf(settings, 'recording.maxAgeDays') * DAY_MS,
      maxBytes: numberOf(settings, 'recording.maxTotalSize') * MEGABYTE,
    },
    s3: s3Options(settings),
  };
}
