import type { CompositeCodec } from './units.js';

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
  readonly type: string;
}

/** What each kind of file takes. */
export const FORMAT_CODECS: Readonly<Record<FileFormat, FormatCodecs>> = {
  mp4: { video: ['h264', 'av1', 'vp9'], audio: ['opus', 'aac'], type: 'video/mp4' },
  webm: { video: ['vp8', 'vp9', 'av1'], audio: ['opus'], type: 'video/webm' },
  ogg: { video: [], audio: ['opus'], type: 'audio/ogg' },
  m4a: { video: [], audio: ['aac', 'opus'], type: 'audio/mp4' },
};
