/** The routes of the API from its own description (OpenAPI), and values that fit its schemas. */
import { oddString, randomJson } from './mutate.js';
import type { Random } from './random.js';

/** As much of JSON Schema as the description uses. */
export interface Schema {
  readonly type?: string;
  readonly anyOf?: readonly Schema[];
  readonly allOf?: readonly Schema[];
  readonly enum?: readonly unknown[];
  readonly const?: unknown;
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly required?: readonly string[];
  readonly items?: Schema;
  readonly minimum?: number;
  readonly maximum?: number;
  readonly pattern?: string;
}

export interface Route {
  readonly method: string;
  /** With parameters in braces. */
  readonly path: string;
  readonly parameters: readonly {
    readonly name: string;
    readonly in: string;
    readonly schema?: Schema;
  }[];
  /** Undefined if it takes no body. */
  readonly body: { readonly type: string; readonly schema: Schema } | undefined;
}

interface Description {
  readonly paths: Readonly<
    Record<
      string,
      Record<
        string,
        {
          readonly parameters?: Route['parameters'];
          readonly requestBody?: {
            readonly content: Readonly<Record<string, { readonly schema?: Schema }>>;
          };
        }
      >
    >
  >;
}

/** Not in the description, but open to anybody. */
const OTHERS = [
  '/metrics',
  '/stats',
  '/healthz',
  '/readyz',
  '/docs',
  '/',
  '/index.html',
  '/live/x',
];

export function routesOf(description: unknown): Route[] {
  const { paths } = description as Description;
  const described = Object.entries(paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, { parameters = [], requestBody }]): Route => {
      const [type, media] = Object.entries(requestBody?.content ?? {})[0] ?? [];
      const body = type === undefined ? undefined : { type, schema: media?.schema ?? {} };
      return { method: method.toUpperCase(), path, parameters, body };
    }),
  );
  const others = OTHERS.map((path) => ({ method: 'GET', path, parameters: [], body: undefined }));
  return [...described, ...others];
}

/** A value that fits a schema, as a rule. */
export function valueFor(random: Random, schema: Schema, depth = 4): unknown {
  if (schema.const !== undefined) return schema.const;
  if (schema.enum) return random.pick(schema.enum);
  if (schema.anyOf) return valueFor(random, random.pick(schema.anyOf), depth);
  if (depth === 0) return null;
  switch (schema.type) {
    case 'string':
      if (schema.pattern?.startsWith('^#')) return '#102030';
      return random.chance(0.8) ? random.pick(['a', 'logo', 'one', 'workshop']) : oddString(random);
    case 'integer':
    case 'number': {
      const { minimum = 0, maximum = 100 } = schema;
      const value = minimum + (maximum - minimum) * (random.int(1000) / 999);
      return schema.type === 'integer' ? Math.round(value) : value;
    }
    case 'boolean':
      return random.chance(0.5);
    case 'array':
      return Array.from({ length: random.length(8) }, () =>
        valueFor(random, schema.items ?? {}, depth - 1),
      );
    case 'object': {
      const required = new Set(schema.required);
      return Object.fromEntries(
        Object.entries(schema.properties ?? {})
          .filter(([name]) => required.has(name) || random.chance(0.4))
          .map(([name, property]) => [name, valueFor(random, property, depth - 1)]),
      );
    }
    default:
      return randomJson(random, 2);
  }
}
