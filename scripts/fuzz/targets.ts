/** The table of targets. */
import type { Target } from './target.js';
import { ANSWERS } from './targets/answers.js';
import { DATAGRAMS } from './targets/datagrams.js';
import { ENCRYPTED } from './targets/encrypted.js';
import { HTTP } from './targets/http.js';
import { IMAGES } from './targets/images.js';
import { MEDIA_MODULES } from './targets/media-modules.js';
import { RECORDER } from './targets/recorder.js';
import { SIGNALLING } from './targets/signalling.js';
import { TEXT_MODULES } from './targets/text-modules.js';
import { TRANSPORT_MODULES } from './targets/transport-modules.js';

export const TARGETS: readonly Target[] = [
  ...MEDIA_MODULES,
  ...TEXT_MODULES,
  ...TRANSPORT_MODULES,
  ...ANSWERS,
  ...RECORDER,
  ...SIGNALLING,
  ...HTTP,
  ...IMAGES,
  ...DATAGRAMS,
  ...ENCRYPTED,
];
