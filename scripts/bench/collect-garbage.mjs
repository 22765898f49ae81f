/**
 * Loaded into the server by `npm run bench -- memory`: collects garbage every few seconds, so that what is
 * measured is what is kept, not what V8 has not come to yet.
 */
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

setFlagsFromString('--expose-gc');
const collect = runInNewContext('gc');
setInterval(() => collect(), 3000).unref();
