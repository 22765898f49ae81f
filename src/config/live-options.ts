import { join } from 'node:path';
import type { LiveOutputsOptions } from '../outputs/live/live-outputs.js';
import { numberOf, type Settings, textOf } from './load.js';

export function liveOptions(settings: Settings): LiveOutputsOptions {
  return {
    folder: join(textOf(settings, 'data.dir'), 'hls'),
    allowPrivate: textOf(settings, 'live.privateDestinations') === 'on',
    audioBitrateBps: numberOf(settings, 'live.audioBitrate') * 1000,
    keyframeMs: numberOf(settings, 'live.keyframeSeconds') * 1000,
    maxPerRoom: numberOf(settings, 'live.maxOutputs'),
  };
}
