import type { CompositeCodec } from '../util/units.js';

/** The kinds of files that are recorded; those without pictures last. */
export const FILE_FORMATS = ['mp4', 'webm', 'ogg', 'm4a'] as const;
export type FileFormat = (typeof FILE_FORMATS)[number];

export const AUDIO_CODECS = ['opus', 'aac'] as const;
export type RecordedAudioCodec = (typeof AUDIO_CODECS)[number];

interface FormatCodecs {
  /** Best first; none is sound alone. */
  readonly video: readonly CompositeCodec[];
  /** The default first. */
  readonly audio: readonly RecordedAudioCodec[];
}

/** What each kind of file takes. */
export const FORMAT_CODECS: Readonly<Record<FileFormat, FormatCodecs>> = {
  mp4: { video: ['h264', 'av1', 'vp9'], audio: ['opus', 'aac'] },
  webm: { video: ['vp8', 'vp9', 'av1'], audio: ['opus'] },
  ogg: { video: [], audio: ['opus'] },
  m4a: { video: [], audio: ['aac', 'opus'] },
};

/** Of the files of recordings, by what their names end with. */
const MEDIA_TYPES: Readonly<Record<string, string>> = {
  mp4: 'video/mp4',
  webm: 'video/webm',
  ogg: 'audio/ogg',
  m4a: 'audio/mp4',
  jpg: 'image/jpeg',
  vtt: 'text/vtt',
  json: 'application/json',
};

/** @param name of a file, or what it ends with. */
export function mediaTypeOf(name: string): string {
  return MEDIA_TYPES[name.slice(name.lastIndexOf('.') + 1)] ?? 'application/octet-stream';
}
