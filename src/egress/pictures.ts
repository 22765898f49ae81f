/** Poster of a recording, and a strip of thumbnails with the WebVTT file that players use. */
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type Canvas, createCanvas } from '@napi-rs/canvas';
import { VIDEO } from '../codecs/codecs.js';
import type { VideoTrack } from '../codecs/ffmpeg/muxer.js';
import type { Picture } from '../codecs/ffmpeg/picture.js';
import { toRgba } from '../codecs/ffmpeg/rgba.js';
import { VideoDecoder } from '../codecs/ffmpeg/video-decoder.js';
import type { Micros } from '../util/units.js';
import type { FinishedFile } from './finisher.js';

const THUMBNAIL_WIDTH = 160;
const COLUMNS = 8;
const QUALITY = 85;
/** The poster is the first keyframe after this time, when people have joined. */
const POSTER_AT: Micros = 5_000_000;

const POSTER = 'poster.jpg';
const THUMBNAILS = 'thumbnails.jpg';
const INDEX = 'thumbnails.vtt';

async function drawn(picture: Picture, width: number, height: number): Promise<Canvas> {
  const canvas = createCanvas(width, height);
  const context = canvas.getContext('2d');
  const image = context.createImageData(width, height);
  image.data.set(await toRgba(picture, width, height));
  context.putImageData(image, 0, 0);
  return canvas;
}

async function decode(track: VideoTrack, data: Buffer): Promise<Picture | undefined> {
  using decoder = await VideoDecoder.open(track.codec);
  const picture = await decoder.decode(VIDEO[track.codec].fromMp4?.(data) ?? data);
  return picture === 'corrupt' ? undefined : picture;
}

function vttTime(micros: Micros): string {
  return new Date(micros / 1000).toISOString().slice(11, 23);
}

/** Writes the pictures of a finished file; none if it has no video. */
export async function writePictures(
  folder: string,
  { video: track, keyframes, durationMicros }: FinishedFile,
): Promise<void> {
  if (track?.kind !== 'video' || keyframes.length === 0) return;
  const width = THUMBNAIL_WIDTH;
  const height = Math.round((width * track.height) / track.width / 2) * 2;
  const rows = Math.ceil(keyframes.length / COLUMNS);
  const strip = createCanvas(width * Math.min(COLUMNS, keyframes.length), height * rows);
  const context = strip.getContext('2d');
  const cues = ['WEBVTT'];
  const poster = keyframes.find(({ atMicros }) => atMicros >= POSTER_AT) ?? keyframes.at(-1);
  for (const [index, keyframe] of keyframes.entries()) {
    using picture = await decode(track, keyframe.data);
    if (!picture) continue;
    if (keyframe === poster) {
      const full = await drawn(picture, picture.width, picture.height);
      await writeFile(join(folder, POSTER), await full.encode('jpeg', QUALITY));
    }
    const [x, y] = [(index % COLUMNS) * width, Math.floor(index / COLUMNS) * height];
    context.drawImage(await drawn(picture, width, height), x, y);
    const until = keyframes[index + 1]?.atMicros ?? durationMicros;
    cues.push(
      `${vttTime(keyframe.atMicros)} --> ${vttTime(until)}\n${THUMBNAILS}#xywh=${x},${y},${width},${height}`,
    );
  }
  await writeFile(join(folder, THUMBNAILS), await strip.encode('jpeg', QUALITY));
  await writeFile(join(folder, INDEX), `${cues.join('\n\n')}\n`);
}
