/** Checks that README and code agree: the table of settings, and that linked files exist. */
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { settingsTable } from '../src/config/schema.js';
import { linterConfigIsCurrent } from './import-rules.js';

const README = new URL('../README.md', import.meta.url);
const START = '<!-- settings: made by npm run docs:settings -->';
const END = '<!-- end of settings -->';

let text = readFileSync(README, 'utf8');
const from = text.indexOf(START);
const to = text.indexOf(END);
if (from < 0 || to < 0) throw new Error('README.md has lost the marks of its settings table');
const wanted = `${text.slice(0, from)}${START}\n${settingsTable()}\n${text.slice(to)}`;
if (process.argv.includes('--write')) writeFileSync(README, wanted);
else if (text !== wanted) throw new Error('README.md: run `npm run docs:settings`');
text = wanted;
for (const [, target] of text.matchAll(/\]\((?!https?:|#)([^)\s]+)\)/g)) {
  if (!existsSync(new URL(`../${target}`, import.meta.url))) {
    throw new Error(`README.md links to ${target}, which does not exist`);
  }
}
if (!linterConfigIsCurrent()) throw new Error('.biome.json: run `npm run lint:rules`');
