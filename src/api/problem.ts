/** Errors as problem details (RFC 9457), with the same stable codes as signalling. */
import { STATUS_CODES } from 'node:http';
import { type Static, Type } from '@sinclair/typebox';
import type { FastifyError, FastifyInstance, FastifyReply } from 'fastify';
import { HTTP_STATUS, TesseraError } from '../errors.js';
import type { Logger } from '../logger.js';
import type { ErrorCode } from '../protocol/error-codes.js';

export const Problem = Type.Object(
  {
    type: Type.String({ description: 'always about:blank' }),
    title: Type.String({ description: 'of the status' }),
    status: Type.Integer(),
    detail: Type.String(),
    code: Type.String({ description: 'stable' }),
    next: Type.Optional(Type.String({ description: 'what to do about it' })),
    errors: Type.Optional(
      Type.Array(Type.Object({ field: Type.String(), message: Type.String() }), {
        description: 'each fault of the request, by JSON pointer',
      }),
    ),
  },
  { $id: 'Problem' },
);
/** What every route may answer besides its own. */
export const PROBLEMS = { '4xx': Problem, '5xx': Problem };

type Problem = Static<typeof Problem>;

export const PROBLEM_TYPE = 'application/problem+json';

/** Fastify's own faults by their status. */
const BY_STATUS: Readonly<Record<number, ErrorCode>> = {
  400: 'bad_request',
  404: 'not_found',
  413: 'message_too_large',
  415: 'unsupported_type',
  429: 'too_many_requests',
};

function problemOf(cause: FastifyError): Problem {
  const { validation, statusCode = 500 } = cause;
  const error =
    cause instanceof TesseraError
      ? cause
      : TesseraError.from(cause, BY_STATUS[statusCode] ?? 'internal');
  const status = HTTP_STATUS[error.code];
  const where = cause.validationContext ?? '';
  return {
    type: 'about:blank',
    title: STATUS_CODES[status] ?? 'Error',
    status,
    // What broke inside is for the log.
    detail:
      error.code === 'internal' ? 'something broke; the server log tells more' : error.message,
    code: error.code,
    ...(error.next === undefined ? {} : { next: error.next }),
    ...(validation && {
      errors: validation.map(({ instancePath, message = 'not valid', params }) => ({
        field: `/${where}${instancePath}${missingOrExtra(params)}`,
        message,
      })),
    }),
  };
}

function missingOrExtra(params: Record<string, unknown>): string {
  const name = params.missingProperty ?? params.additionalProperty;
  return typeof name === 'string' ? `/${name}` : '';
}

function sendProblem(reply: FastifyReply, problem: Problem): FastifyReply {
  if (problem.status === 401) reply.header('www-authenticate', 'Bearer');
  return reply.code(problem.status).type(PROBLEM_TYPE).send(JSON.stringify(problem));
}

export function answerWithProblems(app: FastifyInstance, logger: Logger): void {
  app.setErrorHandler<FastifyError>((cause, request, reply) => {
    const problem = problemOf(cause);
    if (cause instanceof TesseraError && cause.retryAfterSeconds !== undefined) {
      reply.header('retry-after', String(cause.retryAfterSeconds));
    }
    if (problem.code === 'internal') {
      logger.error(
        { error: cause, request: request.id, url: request.routeOptions.url },
        'request failed',
      );
    }
    return sendProblem(reply, problem);
  });
  app.setNotFoundHandler((_request, reply) => {
    const error = new TesseraError('not_found', 'there is nothing at this address', {
      next: 'See /docs for what there is.',
    });
    return sendProblem(reply, problemOf(error as unknown as FastifyError));
  });
}
