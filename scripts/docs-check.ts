/**
 * Checks that docs and code agree: generated parts are current, and links lead somewhere.
 * `npm run docs:write` writes the generated parts.
 */
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { settingsTable } from '../src/config/schema.js';
import { readTotals, totalsTable } from './fuzz/totals.js';
import { linterConfigIsCurrent } from './import-rules.js';
import { protocolDocs } from './protocol-docs.js';

const ROOT = fileURLToPath(new URL('..', import.meta.url));
const WRITE = process.argv.includes('--write');
const MAX_README_LINES = 120;
const faults: string[] = [];

/** Puts a generated text between two marks of a page, or says that the page is not current. */
function generated(page: string, start: string, end: string, text: string): void {
  const path = join(ROOT, page);
  const old = readFileSync(path, 'utf8');
  const [from, to] = [old.indexOf(start), old.indexOf(end)];
  if (from < 0 || to < from) {
    faults.push(`${page} has lost its marks ${start} … ${end}`);
    return;
  }
  const wanted = `${old.slice(0, from)}${start}\n${text}\n${old.slice(to)}`;
  if (WRITE) writeFileSync(path, wanted);
  else if (old !== wanted) faults.push(`${page} is not current: run \`npm run docs:write\``);
}

/** What GitHub makes of a heading: lower case, no punctuation, dashes for blanks. */
function anchorOf(heading: string): string {
  return heading
    .toLowerCase()
    .replace(/[^\p{L}\p{N} _-]/gu, '')
    .replaceAll(' ', '-');
}

function anchorsOf(path: string): Set<string> {
  const headings = readFileSync(path, 'utf8').matchAll(/^#{1,6} (.+)$/gm);
  return new Set([...headings].map(([, heading]) => anchorOf(heading as string)));
}

function checkLinks(path: string): void {
  const text = readFileSync(path, 'utf8').replace(/```[\s\S]*?```/g, '');
  for (const [, link] of text.matchAll(/\]\((?!https?:)([^)\s]+)\)/g)) {
    const [file = '', anchor] = (link as string).split('#');
    const target = file === '' ? path : join(dirname(path), file);
    const from = relative(ROOT, path);
    if (!existsSync(target)) faults.push(`${from} links to ${link}, which does not exist`);
    else if (anchor !== undefined && !anchorsOf(target).has(anchor)) {
      faults.push(`${from} links to ${link}, but there is no such heading`);
    }
  }
}

/** Source files that a page names as code, such as `peer/srtp-session.ts`. */
function checkNamedFiles(path: string): void {
  for (const [, name] of readFileSync(path, 'utf8').matchAll(/`([a-z-]+(?:\/[a-z-]+)+\.ts)`/g)) {
    const found = [name, `src/${name}`].some((one) => existsSync(join(ROOT, one as string)));
    if (!found) faults.push(`${relative(ROOT, path)} names ${name}, which does not exist`);
  }
}

function pagesOf(folder: string): string[] {
  return readdirSync(join(ROOT, folder), { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.md'))
    .map((name) => join(ROOT, folder, name));
}

generated(
  'docs/configuration.md',
  '<!-- settings: made by npm run docs:write -->',
  '<!-- end of settings -->',
  settingsTable(),
);
generated(
  'docs/protocol.md',
  '<!-- protocol: made by npm run docs:write -->',
  '<!-- end of protocol -->',
  protocolDocs(),
);
generated(
  'docs/fuzzing.md',
  '<!-- totals: made by npm run docs:write -->',
  '<!-- end of totals -->',
  totalsTable(readTotals()),
);
const readme = readFileSync(join(ROOT, 'README.md'), 'utf8').split('\n').length - 1;
if (readme > MAX_README_LINES)
  faults.push(`README.md has ${readme} lines, over ${MAX_README_LINES}`);
const top = readdirSync(ROOT).filter((name) => name.endsWith('.md'));
const pages = [...top.map((name) => join(ROOT, name)), ...pagesOf('docs')];
for (const path of pages) checkLinks(path);
// Recipes in CONTRIBUTING name files that do not exist yet.
for (const path of pagesOf('docs')) checkNamedFiles(path);
if (!linterConfigIsCurrent()) faults.push('.biome.json is not current: run `npm run lint:rules`');
if (faults.length > 0) {
  console.error(faults.join('\n'));
  process.exit(1);
}
