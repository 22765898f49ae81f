/** Settings of the composite: its size, renditions, codecs and what is drawn over it. */
import { COMPOSITE_CODECS, type CompositeCodec } from '../protocol/codec-names.js';
import { HARDWARE_ENCODERS } from '../util/units.js';
import {
  lifelineOf,
  parseLadder,
  type RenditionConfig,
  renditionLadder,
} from './rendition-ladder.js';
import { choice, flag, list, number, type ReportFault, type ValuesOf } from './setting.js';

export const VIDEO_SETTINGS = [
  number(
    'video.width',
    { unit: 'pixels', min: 320, max: 1920, default: 1280, step: 16 },
    'Width of the composite; a multiple of 16.',
  ),
  number(
    'video.height',
    { unit: 'pixels', min: 180, max: 1920, default: 720, step: 2 },
    'Height of the composite; even.',
  ),
  number(
    'video.frameRate',
    { unit: 'frames/s', min: 5, max: 60, default: 30 },
    'Frame rate of the composite.',
  ),
  number(
    'video.bitrate',
    { unit: 'kbit/s', min: 100, max: 20_000, default: 1800 },
    'Bitrate of the composite, packet headers included.',
  ),
  list(
    'video.renditions',
    ['auto'],
    'Renditions that the composite is encoded in, best first: `1280x720@30:1800,640x360@30:600` (kbit/s). `auto` is the canvas at `video.bitrate`, and half and a quarter of its sides at a third and a twelfth of that.',
  ),
  number(
    'video.lifelineSeconds',
    { unit: 'seconds', min: 0, max: 30, default: 2 },
    'The worst links get a still picture this often, and audio; 0 gives them audio alone.',
  ),
  number(
    'video.lifelineBitrate',
    { unit: 'kbit/s', min: 10, max: 200, default: 30 },
    'Bitrate of those stills.',
  ),
  list(
    'video.codecs',
    ['h264', 'vp8'],
    'Codecs for the composite, best first, of `h264`, `vp8`, `vp9` and `av1`. Each client gets the first that it decodes.',
  ),
  choice(
    'video.hardware',
    ['off', ...HARDWARE_ENCODERS],
    'Encodes H.264 in hardware, if that works when the server starts.',
  ),
  number(
    'video.sourcePixelRate',
    { unit: 'Mpixel/s', min: 1, max: 10_000, default: 250 },
    'Pixels that are decoded of one sender: 3840x2160 at 30 frames/s are 249. A faster video is shown at fewer frames/s.',
  ),
  number(
    'video.roomPixelRate',
    { unit: 'Mpixel/s', min: 1, max: 100_000, default: 600 },
    'Pixels that are decoded of all senders of a room: 16 of 1280x720 at 30 frames/s are 442. Those who send most lose frames first.',
  ),
  number(
    'video.maxInputLong',
    { unit: 'pixels', min: 320, max: 3840, default: 3840 },
    'Longer side of the largest video that clients may send. What is larger than 1920x1200 is taken while there is CPU for it.',
  ),
  number(
    'video.maxInputShort',
    { unit: 'pixels', min: 180, max: 2160, default: 2160 },
    'Shorter side of the largest video that clients may send.',
  ),
  choice('video.fit', ['crop', 'letterbox'], 'How a camera fills its tile.'),
  flag('video.labels', 'on', 'Names, mute marks and speaking borders over the tiles.'),
] as const;

type VideoValues = ValuesOf<typeof VIDEO_SETTINGS>;

/** The video part of a room's mix. */
export function videoMix(values: VideoValues, report: ReportFault) {
  const hardware = values['video.hardware'];
  return {
    width: values['video.width'],
    height: values['video.height'],
    frameRate: values['video.frameRate'],
    renditions: renditionsOf(values, report),
    hardware: hardware === 'off' ? undefined : hardware,
    pixelRates: {
      source: values['video.sourcePixelRate'] * 1e6,
      room: values['video.roomPixelRate'] * 1e6,
    },
    fit: values['video.fit'],
    labels: values['video.labels'],
  };
}

function renditionsOf(values: VideoValues, report: ReportFault): readonly RenditionConfig[] {
  const canvas = {
    width: values['video.width'],
    height: values['video.height'],
    frameRate: values['video.frameRate'],
  };
  const wanted = values['video.renditions'];
  let ladder: readonly RenditionConfig[] = renditionLadder({
    ...canvas,
    bitrateBps: values['video.bitrate'] * 1000,
  });
  if (wanted.join() !== 'auto') {
    const parsed = parseLadder(wanted, canvas);
    if ('ladder' in parsed) ladder = parsed.ladder;
    else {
      const next = 'Write WIDTHxHEIGHT@FRAMES:KBITS, best first, or leave it at auto.';
      report('video.renditions', parsed.fault, next);
    }
  }
  const lifelineBps = values['video.lifelineBitrate'] * 1000;
  return [...ladder, ...lifelineOf(ladder, values['video.lifelineSeconds'], lifelineBps)];
}

/** Codecs of the composite, best first. */
export function videoCodecs(values: VideoValues, report: ReportFault): readonly CompositeCodec[] {
  const wanted = values['video.codecs'];
  const codecs = COMPOSITE_CODECS.filter((codec) => wanted.includes(codec));
  if (codecs.length === 0 || codecs.length < wanted.length) {
    report(
      'video.codecs',
      `${wanted.join()}: must name some of ${COMPOSITE_CODECS.join(', ')}, each once`,
    );
  }
  return codecs.sort((a, b) => wanted.indexOf(a) - wanted.indexOf(b));
}
