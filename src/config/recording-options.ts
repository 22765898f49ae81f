import { join } from 'node:path';
import type { RecordingsOptions } from '../recording/recordings.js';
import { FILE_FORMATS } from '../shared/file-format.js';
import { numberOf, type Settings, textOf } from './load.js';

const DAY_MS = 86_400_000;
const MEGABYTE = 1_000_000;

export function recordingsOptions(settings: Settings): RecordingsOptions {
  const folder = textOf(settings, 'recording.folder');
  const format = textOf(settings, 'recording.format');
  return {
    folder: folder === '' ? join(textOf(settings, 'data.dir'), 'recordings') : folder,
    format: FILE_FORMATS.find((one) => one === format) ?? 'mp4',
    audioCodec: textOf(settings, 'recording.audioCodec') === 'aac' ? 'aac' : 'opus',
    audioBitrateBps: numberOf(settings, 'recording.audioBitrate') * 1000,
    automatic: textOf(settings, 'recording.auto') === 'on',
    minFreeBytes: numberOf(settings, 'recording.minFreeSpace') * MEGABYTE,
    keyframeMs: numberOf(settings, 'recording.keyframeSeconds') * 1000,
    retention: {
      maxAgeMs: numberOf(settings, 'recording.maxAgeDays') * DAY_MS,
      maxBytes: numberOf(settings, 'recording.maxTotalSize') * MEGABYTE,
    },
  };
}
