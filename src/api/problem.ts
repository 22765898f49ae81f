/** Errors as problem details (RFC 9457), with the same stable codes as signalling. */
import { STATUS_CODES } from 'node:http';
import type { Socket } from 'node:net';
import { type Static, Type } from '@sinclair/typebox';
import type {
  FastifyError,
  FastifyInstance,
  FastifyReply,
  FastifySchemaValidationError,
} from 'fastify';
import { HTTP_STATUS, TesseraError } from '../errors.js';
import type { Logger } from '../logger.js';
import type { ErrorCode } from '../protocol/error-codes.js';

/** Faults of one request that are told: a body may have one in every byte. */
const MAX_FAULTS = 20;
/** Of those, the ones in the text. */
const FAULTS_IN_TEXT = 3;

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
        description: `each fault of the request, by JSON pointer; the first ${MAX_FAULTS}`,
      }),
    ),
  },
  { $id: 'Problem' },
);
/** What every route may answer besides its own. */
export const PROBLEMS = { '4xx': Problem, '5xx': Problem };

type Problem = Static<typeof Problem>;

export const PROBLEM_TYPE = 'application/problem+json';

/** Faults of Fastify and its plugins by their status; others below 500 are `bad_request`. */
const BY_STATUS: Readonly<Record<number, ErrorCode>> = {
  403: 'forbidden',
  404: 'not_found',
  405: 'method_not_allowed',
  406: 'not_acceptable',
  408: 'request_timeout',
  412: 'version_mismatch',
  413: 'message_too_large',
  415: 'unsupported_type',
  429: 'too_many_requests',
  431: 'headers_too_large',
};

function codeOf(status: number): ErrorCode {
  return BY_STATUS[status] ?? (status >= 400 && status < 500 ? 'bad_request' : 'internal');
}

function problemOf(cause: FastifyError): Problem {
  const { validation, statusCode = 500 } = cause;
  const error =
    cause instanceof TesseraError ? cause : TesseraError.from(cause, codeOf(statusCode));
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
      errors: validation
        .slice(0, MAX_FAULTS)
        .map(({ instancePath, message = 'not valid', params }) => ({
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

/** The error of a request that does not match its schema. */
export function schemaError(faults: readonly FastifySchemaValidationError[], where: string): Error {
  const told = faults
    .slice(0, FAULTS_IN_TEXT)
    .map(({ instancePath, message = 'is not valid' }) => `${where}${instancePath} ${message}`);
  const more = faults.length - told.length;
  return new Error(told.join(', ') + (more > 0 ? `, and ${more} more` : ''));
}

/** Answers a request that Fastify cannot route, because its path is malformed or too long. */
export function answerUnroutable(
  cause: FastifyError,
  _request: unknown,
  reply: FastifyReply,
): FastifyReply {
  return sendProblem(reply, problemOf(cause));
}

/** Answers what Node cannot read as a request, and closes the connection. */
export function answerUnreadable(cause: NodeJS.ErrnoException, socket: Socket): void {
  if (cause.code === 'ECONNRESET' || !socket.writable) {
    socket.destroy();
    return;
  }
  const error = unreadable(cause);
  const problem = problemOf(error as unknown as FastifyError);
  const body = JSON.stringify(problem);
  const head = [
    `HTTP/1.1 ${problem.status} ${problem.title}`,
    `content-type: ${PROBLEM_TYPE}`,
    `content-length: ${Buffer.byteLength(body)}`,
    'connection: close',
    '',
    '',
  ].join('\r\n');
  socket.end(head + body, () => socket.destroy());
}

function unreadable(cause: NodeJS.ErrnoException): TesseraError {
  if (cause.code === 'ERR_HTTP_REQUEST_TIMEOUT') {
    return new TesseraError('request_timeout', 'the request did not come in time', { cause });
  }
  if (cause.code === 'HPE_HEADER_OVERFLOW') {
    return new TesseraError('headers_too_large', 'the headers are too large', { cause });
  }
  return new TesseraError('bad_request', 'this is not an HTTP request', { cause });
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
