/**
 * Loaded into a server whose memory is measured: collects garbage every few seconds, so that what is found is
 * what is kept, not what V8 has not come to yet.
 */
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

setFlagsFromString('--expose-gc');
const collect = runInNewContext('gc');
setInterval(() => collect(), 3000).unref();
