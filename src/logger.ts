import { type Logger, pino, stdSerializers } from 'pino';

export type { Logger };

/** Lifecycle logs: JSON lines in production, readable ones where the output is a terminal. */
export function createLogger(level: string, pretty: boolean): Logger {
  const common = { level, serializers: { error: stdSerializers.err } };
  return pino(
    pretty
      ? { ...common, transport: { target: 'pino-pretty', options: { ignore: 'pid,hostname' } } }
      : { ...common, base: null },
  );
}
