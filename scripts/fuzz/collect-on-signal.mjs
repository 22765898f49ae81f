/**
 * Loaded into the server that is fuzzed: it collects garbage on SIGWINCH, so that memory that is kept can be told from
 * memory that V8 has not come to yet.
 */
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

setFlagsFromString('--expose-gc');
const collect = runInNewContext('gc');
process.on('SIGWINCH', () => collect());
