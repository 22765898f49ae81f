/** TypeScript types made from the schemas of `src/protocol`, with the descriptions as comments. */
import { Kind, type TSchema } from '@sinclair/typebox';

export function isSchema(value: unknown): value is TSchema {
  return typeof value === 'object' && value !== null && Kind in value;
}

/**
 * What stays the same when a schema is made optional or gets another description.
 * Undefined for types that are too small for a name of their own.
 */
export function identityOf(schema: TSchema): object | undefined {
  return schema.properties ?? schema.anyOf;
}

/** Names a schema. Undefined if it has no name, and is to be printed in place. */
export type NameOf = (schema: TSchema) => string | undefined;

function comment(description: string | undefined, indent: string): string {
  return description === undefined ? '' : `${indent}/** ${description} */\n`;
}

function properties(schema: TSchema, nameOf: NameOf, indent: string): string {
  const required = new Set<string>(schema.required ?? []);
  const lines = Object.entries(schema.properties as Record<string, TSchema>).map(
    ([name, property]) => {
      const optional = required.has(name) ? '' : '?';
      const type = typeOf(property, nameOf, `${indent}  `);
      // A type with a name has its own comment.
      const about = nameOf(property) === undefined ? property.description : undefined;
      return `${comment(about, `${indent}  `)}${indent}  readonly ${name}${optional}: ${type};\n`;
    },
  );
  return `{\n${lines.join('')}${indent}}`;
}

/** The type of a schema. Arrays and properties are read-only. */
export function typeOf(schema: TSchema, nameOf: NameOf, indent = ''): string {
  const name = nameOf(schema);
  if (name !== undefined) return name;
  if (schema.const !== undefined) return JSON.stringify(schema.const);
  if (schema.anyOf) {
    return (schema.anyOf as TSchema[]).map((part) => typeOf(part, nameOf, indent)).join(' | ');
  }
  if (schema.type === 'object') return properties(schema, nameOf, indent);
  if (schema.type === 'array') {
    const items = schema.items as TSchema;
    const item = typeOf(items, nameOf, indent);
    return items.anyOf && nameOf(items) === undefined
      ? `readonly (${item})[]`
      : `readonly ${item}[]`;
  }
  if (schema.type === 'integer') return 'number';
  return typeof schema.type === 'string' ? schema.type : 'unknown';
}

/** @param nameOf names other schemas; this one is printed in full. */
export function declarationOf(name: string, schema: TSchema, nameOf: NameOf): string {
  const others: NameOf = (other) => (other === schema ? undefined : nameOf(other));
  const body = typeOf(schema, others);
  const about = comment(schema.description, '');
  return schema.type === 'object'
    ? `${about}interface ${name} ${body}`
    : `${about}type ${name} = ${body};`;
}
