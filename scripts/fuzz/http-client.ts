/** HTTP by hand: any bytes go out, and the answer is checked against what the API promises about errors. */
import { connect } from 'node:net';
import { HTTP_STATUS } from '../../src/errors.js';
import { ERROR_CODES, type ErrorCode } from '../../src/protocol/error-codes.js';
import { Finding, type FuzzInput } from './target.js';

const ANSWER_MS = 15_000;
const MAX_ANSWER_BYTES = 4 << 20;
/** Statuses of 500 and more that the server may answer with: something outside of it fails, or it has no room. */
const DOCUMENTED = new Set([502, 503, 507]);
/** An error is told in fewer bytes than this, whatever the request was. */
const MAX_ERROR_BYTES = 16 * 1024;

export interface HttpAnswer {
  readonly status: number;
  /** Names in lower case. */
  readonly headers: ReadonlyMap<string, string>;
  readonly body: string;
}

/**
 * Sends bytes on a connection of their own.
 * @returns undefined if the server closed it without an answer.
 * @throws Finding if neither comes in time.
 */
export function exchange(
  { host, port }: { readonly host: string; readonly port: number },
  bytes: Buffer,
): Promise<HttpAnswer | undefined> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    let length = 0;
    const socket = connect({ host, port, allowHalfOpen: true });
    const late = setTimeout(() => {
      socket.destroy();
      reject(new Finding('the server neither answered nor closed the connection'));
    }, ANSWER_MS);
    const done = () => {
      clearTimeout(late);
      socket.destroy();
      resolve(parseAnswer(Buffer.concat(chunks)));
    };
    socket.on('error', done);
    socket.on('end', done);
    socket.on('close', done);
    socket.on('data', (chunk) => {
      chunks.push(chunk);
      length += chunk.length;
      const isStream = chunks.length === 1 && /content-type: text\/event-stream/i.test(`${chunk}`);
      if (isStream || length > MAX_ANSWER_BYTES) done();
    });
    socket.write(bytes);
    // The end of the request, even if its headers promised more.
    socket.end();
  });
}

function parseAnswer(bytes: Buffer): HttpAnswer | undefined {
  const text = bytes.toString('latin1');
  const status = /^HTTP\/1\.1 (\d{3})/.exec(text)?.[1];
  if (status === undefined) return undefined;
  const end = text.indexOf('\r\n\r\n');
  const headers = new Map(
    text
      .slice(0, end < 0 ? undefined : end)
      .split('\r\n')
      .slice(1)
      .map((line): [string, string] => {
        const at = line.indexOf(':');
        return [line.slice(0, at).toLowerCase(), line.slice(at + 1).trim()];
      }),
  );
  return { status: Number(status), headers, body: end < 0 ? '' : text.slice(end + 4) };
}

/** @throws Finding if an error has no code of ours, another status than its code, or is a fault of the server. */
export function checkAnswer(answer: HttpAnswer | undefined, input: FuzzInput): void {
  if (!answer || answer.status < 400) return;
  const { status, headers, body } = answer;
  const fail = (what: string) => {
    throw new Finding(`${what}: ${status} ${body.slice(0, 500)}`, input);
  };
  if (status >= 500 && !DOCUMENTED.has(status)) fail('a fault of the server');
  if (body.length > MAX_ERROR_BYTES) fail(`an error of ${body.length} bytes`);
  const isHead = /^HEAD /.test(input.bytes.toString('latin1', 0, 5));
  const isReadiness = status === 503 && body.includes('"status"');
  if (isHead || isReadiness) return;
  const type = headers.get('content-type') ?? '';
  if (!type.startsWith('application/problem+json')) fail('an error without a code');
  const found = /"code":"(\w+)"/.exec(body)?.[1];
  if (found === undefined || !Object.hasOwn(ERROR_CODES, found)) fail('an error of unknown code');
  if (HTTP_STATUS[found as ErrorCode] !== status) fail('an error with the status of another');
}
