/** JSON bodies: deeply nested ones are refused before anything walks through them. */
import type { FastifyInstance } from 'fastify';
import { TesseraError } from '../errors.js';
import { MAX_JSON_DEPTH } from '../protocol/limits.js';
import { isDeeperThan } from '../util/json-depth.js';

/** Takes the place of Fastify's own parser of `application/json`, which reads the body after the check. */
export function takeShallowJson(app: FastifyInstance): void {
  const parse = app.getDefaultJsonParser('error', 'error');
  app.removeContentTypeParser('application/json');
  app.addContentTypeParser('application/json', { parseAs: 'string' }, (request, body, done) => {
    if (isDeeperThan(String(body), MAX_JSON_DEPTH)) {
      const next = `Nest at most ${MAX_JSON_DEPTH} arrays and objects.`;
      done(new TesseraError('bad_request', 'the body is nested too deeply', { next }));
      return;
    }
    parse(request, String(body), done);
  });
}
