import { type SchemaOptions, type TLiteral, type TUnion, Type } from '@sinclair/typebox';

/** A schema for one of a fixed list of strings. */
export function literals<const T extends string>(
  values: readonly T[],
  options: SchemaOptions = {},
): TUnion<TLiteral<T>[]> {
  return Type.Union(
    values.map((value) => Type.Literal(value)),
    options,
  );
}

/** Refuses properties that the schema does not name. For what clients send. */
export const STRICT = { additionalProperties: false } as const;
