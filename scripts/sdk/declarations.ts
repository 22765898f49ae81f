/**
 * The types of the SDK in one file without imports: the declarations that the compiler makes of
 * `client/sdk`, and types of `src/protocol` made from their schemas.
 */
import { basename, dirname, join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import type { TSchema } from '@sinclair/typebox';
import ts from 'typescript';
import { declarationOf, identityOf, isSchema } from './schema-types.js';

const PROTOCOL = '/src/protocol/';

/** Texts of all declaration files that the SDK and what it imports have, by source file. */
function emitDeclarations(entry: string): { program: ts.Program; texts: Map<string, string> } {
  const config = ts.getParsedCommandLineOfConfigFile(
    join(dirname(entry), '../tsconfig.json'),
    { declaration: true, emitDeclarationOnly: true, noEmit: false, stripInternal: true },
    { ...ts.sys, onUnRecoverableConfigFileDiagnostic: () => {} },
  );
  if (!config) throw new Error('client/tsconfig.json cannot be read');
  const program = ts.createProgram([entry], { ...config.options, sourceMap: false });
  const texts = new Map<string, string>();
  program.emit(
    undefined,
    (_path, text, _mark, _error, sources) => {
      for (const { fileName } of sources ?? []) texts.set(resolve(fileName), text);
    },
    undefined,
    true,
  );
  return { program, texts };
}

class Bundle {
  private readonly names = new Set<string>();
  private readonly files = new Set<string>();
  private readonly schemaNames = new Map<object, string>();
  private readonly parts: string[] = [];
  private readonly published = new Set<string>();

  constructor(
    private readonly program: ts.Program,
    private readonly texts: ReadonlyMap<string, string>,
  ) {}

  get text(): string {
    return `${this.parts.join('\n')}\nexport {};\n`;
  }

  async addEntry(path: string): Promise<void> {
    const source = this.parse(path);
    for (const statement of source.statements) {
      if (!ts.isExportDeclaration(statement) || !statement.exportClause) continue;
      if (!ts.isNamedExports(statement.exportClause)) continue;
      for (const { name } of statement.exportClause.elements) this.published.add(name.text);
    }
    await this.nameSchemas(source);
    await this.addImports(source, path);
  }

  private parse(path: string): ts.SourceFile {
    const text = this.texts.get(path);
    if (text === undefined) throw new Error(`${path} has no declarations`);
    return ts.createSourceFile(`${path}.d.ts`, text, ts.ScriptTarget.Latest, true);
  }

  /** Schemas that the SDK exports keep their names inside of other types. */
  private async nameSchemas(source: ts.SourceFile): Promise<void> {
    for (const statement of source.statements) {
      const from = fromOf(statement);
      if (!from?.includes(PROTOCOL)) continue;
      const module = await load(sourcePath(source.fileName.replace(/\.d\.ts$/, ''), from));
      for (const name of this.published) {
        const schema = module[name];
        const identity = isSchema(schema) ? identityOf(schema) : undefined;
        if (identity) this.schemaNames.set(identity, name);
      }
    }
  }

  private async addImports(source: ts.SourceFile, path: string): Promise<void> {
    for (const statement of source.statements) {
      const from = fromOf(statement);
      if (from === undefined) continue;
      const target = sourcePath(path, from);
      if (!from.includes(PROTOCOL)) await this.addFile(target);
      else for (const name of namesOf(statement)) await this.addProtocolType(target, name);
    }
  }

  private async addFile(path: string): Promise<void> {
    if (this.files.has(path)) return;
    this.files.add(path);
    const source = this.parse(path);
    await this.addImports(source, path);
    for (const statement of source.statements) {
      if (ts.isImportDeclaration(statement) || ts.isExportDeclaration(statement)) continue;
      const text = statement.getFullText(source).trim();
      if (text.includes('import(')) throw new Error(`${basename(path)} refers to another file`);
      const name = (statement as ts.DeclarationStatement).name?.getText(source);
      if (name === undefined) throw new Error(`${basename(path)}: a declaration has no name`);
      this.add(
        name,
        text.replace(
          /^(?:export )?(?:declare )?(?=(?:abstract )?(class|interface|type|function))/m,
          '',
        ),
      );
    }
  }

  private async addProtocolType(path: string, name: string): Promise<void> {
    if (this.names.has(name)) return;
    const value = (await load(path))[name];
    if (isSchema(value)) {
      const nameOf = (schema: TSchema) => {
        const identity = identityOf(schema);
        return identity && this.schemaNames.get(identity);
      };
      this.add(
        name,
        declarationOf(name, value, (s) =>
          identityOf(s) === identityOf(value) ? undefined : nameOf(s),
        ),
      );
    } else this.add(name, `type ${name} = ${this.plainType(path, name)};`);
  }

  /** A type of the protocol that has no schema, with everything in it spelled out. */
  private plainType(path: string, name: string): string {
    const source = this.program.getSourceFile(path);
    const checker = this.program.getTypeChecker();
    const module = source && checker.getSymbolAtLocation(source);
    const symbol = module && checker.getExportsOfModule(module).find((one) => one.name === name);
    if (!symbol) throw new Error(`${path} has no type ${name}`);
    const flags = ts.TypeFormatFlags.NoTruncation | ts.TypeFormatFlags.InTypeAlias;
    return checker.typeToString(checker.getDeclaredTypeOfSymbol(symbol), undefined, flags);
  }

  private add(name: string, text: string): void {
    if (this.names.has(name)) throw new Error(`two types of the SDK are called ${name}`);
    this.names.add(name);
    const keyword = this.published.has(name) ? 'export ' : '';
    this.parts.push(
      text.replace(/^(?=(?:abstract )?(class|function|interface|type)\b)/m, (_all, kind: string) =>
        kind === 'class' || kind === 'function' ? `${keyword}declare ` : keyword,
      ),
    );
  }
}

function fromOf(statement: ts.Statement): string | undefined {
  if (!ts.isImportDeclaration(statement) && !ts.isExportDeclaration(statement)) return undefined;
  const from = statement.moduleSpecifier;
  return from && ts.isStringLiteral(from) ? from.text : undefined;
}

function namesOf(statement: ts.Statement): string[] {
  const clause = ts.isImportDeclaration(statement)
    ? statement.importClause?.namedBindings
    : ts.isExportDeclaration(statement)
      ? statement.exportClause
      : undefined;
  if (!clause || (!ts.isNamedImports(clause) && !ts.isNamedExports(clause))) return [];
  return clause.elements.map(({ name, propertyName }) => (propertyName ?? name).text);
}

function sourcePath(importer: string, from: string): string {
  return resolve(dirname(importer), from.replace(/\.js$/, '.ts'));
}

async function load(path: string): Promise<Record<string, unknown>> {
  return (await import(pathToFileURL(path).href)) as Record<string, unknown>;
}

/** @param entry absolute path of the SDK's `index.ts`. */
export async function bundleDeclarations(entry: string): Promise<string> {
  const { program, texts } = emitDeclarations(entry);
  const bundle = new Bundle(program, texts);
  await bundle.addEntry(entry);
  return bundle.text;
}
