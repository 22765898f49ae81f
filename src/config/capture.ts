/** Settings of captures: what one participant sends, kept to be replayed. */
import { join } from 'node:path';
import type { SERVER_SETTINGS } from './server.js';
import { number, type ValuesOf } from './setting.js';

export const CAPTURE_SETTINGS = [
  number(
    'capture.maxSeconds',
    { unit: 'seconds', min: 0, max: 3600, default: 0 },
    'How long a capture of a participant may last; 0 switches captures off.',
  ),
  number(
    'capture.maxSize',
    { unit: 'MB', min: 1, max: 10_000, default: 100 },
    'How large a capture may get.',
  ),
  number(
    'capture.maxKept',
    { unit: 'captures', min: 1, max: 1000, default: 20 },
    'Captures that are kept; more are refused until one is deleted.',
  ),
] as const;

export interface CaptureConfig {
  readonly folder: string;
  /** 0 switches captures off. */
  readonly maxMs: number;
  readonly maxBytes: number;
  /** Captures that are kept at a time. */
  readonly maxKept: number;
}

export function captureConfig(
  values: ValuesOf<typeof CAPTURE_SETTINGS | typeof SERVER_SETTINGS>,
): CaptureConfig {
  return {
    folder: join(values['data.dir'], 'captures'),
    maxMs: values['capture.maxSeconds'] * 1000,
    maxBytes: values['capture.maxSize'] * 1_000_000,
    maxKept: values['capture.maxKept'],
  };
}
