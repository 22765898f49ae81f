import { type Static, Type } from '@sinclair/typebox';
import type { Immutable } from './immutable.js';

export const OutputError = Type.Object(
  { code: Type.String({ description: 'a stable error code' }), message: Type.String() },
  { description: 'why a recording or live output failed, or has less than was asked for' },
);
export type OutputError = Immutable<Static<typeof OutputError>>;
