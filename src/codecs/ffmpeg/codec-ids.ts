/** FFmpeg's numbers of codecs, by its names of them. */
import { type AVCodecID, avGetCodecName, Codec } from 'node-av';

const known = new Map<string, AVCodecID>();

/** @throws Error if this FFmpeg build neither decodes nor encodes it. */
export function codecIdOf(ffmpegName: string): AVCodecID {
  const id =
    known.get(ffmpegName) ??
    Codec.getCodecList().find((codec) => avGetCodecName(codec.id) === ffmpegName)?.id;
  if (id === undefined) throw new Error(`this FFmpeg build has no codec ${ffmpegName}`);
  known.set(ffmpegName, id);
  return id;
}
