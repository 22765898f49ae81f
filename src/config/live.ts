/** Settings of live outputs: RTMP, SRT and HLS. */
import { join } from 'node:path';
import type { SERVER_SETTINGS } from './server.js';
import { flag, number, type ValuesOf } from './setting.js';

export const LIVE_SETTINGS = [
  flag(
    'live.privateDestinations',
    'off',
    'Live outputs may go to loopback, private and link-local addresses.',
  ),
  number(
    'live.maxOutputs',
    { unit: 'outputs', min: 0, max: 50, default: 5 },
    'Live outputs of a room at a time.',
  ),
  number(
    'live.keyframeSeconds',
    { unit: 'seconds', min: 1, max: 10, default: 4 },
    'How often live outputs get a keyframe; the length of HLS segments.',
  ),
  number(
    'live.audioBitrate',
    { unit: 'kbit/s', min: 32, max: 320, default: 128 },
    'Bitrate of the AAC of live outputs.',
  ),
] as const;

export interface LiveConfig {
  /** Of HLS. */
  readonly folder: string;
  /** Loopback, private and link-local destinations are allowed. */
  readonly allowPrivate: boolean;
  readonly audioBitrateBps: number;
  readonly keyframeMs: number;
  /** Outputs of one room at a time. */
  readonly maxPerRoom: number;
}

export function liveConfig(
  values: ValuesOf<typeof LIVE_SETTINGS | typeof SERVER_SETTINGS>,
): LiveConfig {
  return {
    folder: join(values['data.dir'], 'hls'),
    allowPrivate: values['live.privateDestinations'],
    audioBitrateBps: values['live.audioBitrate'] * 1000,
    keyframeMs: values['live.keyframeSeconds'] * 1000,
    maxPerRoom: values['live.maxOutputs'],
  };
}
