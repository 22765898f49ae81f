/** Chooses the codecs and the rendition of a recording from the request and what the room has. */
import { TesseraError } from '../../errors.js';
import type { WatchedVideo } from '../../link/link-messages.js';
import {
  type FileFormat,
  FORMAT_CODECS,
  type RecordedAudioCodec,
} from '../../protocol/file-format.js';
import type { RecordingRequest } from '../../protocol/recording-info.js';
import type { OutputRoom } from '../output-room.js';

export interface RecordingDefaults {
  readonly format: FileFormat;
  readonly audioCodec: RecordedAudioCodec;
}

export interface RecordingPlan {
  readonly format: FileFormat;
  readonly audioCodec: RecordedAudioCodec;
  /** Undefined means audio only. */
  readonly video: WatchedVideo | undefined;
  readonly tracks: boolean;
}

/** @throws TesseraError `bad_recording`. */
export function planRecording(
  room: OutputRoom,
  request: RecordingRequest,
  defaults: RecordingDefaults,
): RecordingPlan {
  const { format = defaults.format, tracks = false } = request;
  const { audio } = FORMAT_CODECS[format];
  const audioCodec = request.audioCodec ?? audioCodecFor(format, defaults.audioCodec);
  if (!audio.includes(audioCodec)) {
    throw new TesseraError('bad_recording', `${format} files take no ${audioCodec}`);
  }
  return { format, audioCodec, video: videoFor(room, format, request), tracks };
}

function audioCodecFor(format: FileFormat, wanted: RecordedAudioCodec): RecordedAudioCodec {
  const { audio } = FORMAT_CODECS[format];
  // M4A is for players that take nothing but AAC.
  return format === 'm4a' || !audio.includes(wanted) ? (audio[0] ?? 'opus') : wanted;
}

function videoFor(
  room: OutputRoom,
  format: FileFormat,
  { rendition }: RecordingRequest,
): WatchedVideo | undefined {
  const { video } = FORMAT_CODECS[format];
  if (video.length === 0) return undefined;
  const codec = video.find((one) => room.videoCodecs.includes(one));
  if (!codec) {
    throw new TesseraError('bad_recording', `${format} files need one of ${video.join(', ')}`, {
      next: 'Add it to the setting video.codecs, or choose another format.',
    });
  }
  if (!rendition) return { codec, rendition: 0 };
  const { width, height, frameRate, bitrate } = rendition;
  return room.ownRendition(codec, { width, height, frameRate, bitrateBps: bitrate * 1000 });
}
