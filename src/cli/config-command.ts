/** `tessera config`: the configuration as it takes effect, and where each value came from. */
import type { Command } from 'commander';
import { stringify } from 'yaml';
import type { LoadedSettings } from '../config/load.js';
import { SETTINGS, type Setting } from '../config/schema.js';
import { type CliContext, settingsOf, withSettings } from './context.js';

const MASK = '***';

function shown(setting: Setting, value: string | number): string | number {
  return 'secret' in setting && setting.secret && value !== '' ? MASK : value;
}

/** As a configuration file: YAML, each line with its source. */
export function describeSettings({ settings, sources }: LoadedSettings): string {
  const lines: string[] = [];
  let section = '';
  // What has no section comes first, or it would belong to the one before it.
  const ordered = [...SETTINGS].sort(
    (a, b) => Number(a.key.includes('.')) - Number(b.key.includes('.')),
  );
  for (const setting of ordered) {
    const { key } = setting;
    const [first, rest] = key.includes('.') ? key.split('.', 2) : ['', key];
    if (first !== section) lines.push(`${first}:`);
    section = first as string;
    const value = stringify(shown(setting, settings.get(key) ?? '')).trim();
    lines.push(`${section ? '  ' : ''}${rest}: ${value} # ${sources.get(key)}`);
  }
  return lines.join('\n');
}

export function addConfig(program: Command, context: CliContext): void {
  const command = program
    .command('config')
    .description('print the configuration as it takes effect, secrets masked')
    .option('--json', 'as JSON, by key');
  withSettings(command).action(() => {
    const loaded = settingsOf(command, context);
    if (!command.opts<{ json?: boolean }>().json) {
      console.log(describeSettings(loaded));
      return;
    }
    const entries = SETTINGS.map((setting) => [
      setting.key,
      {
        value: shown(setting, loaded.settings.get(setting.key) ?? ''),
        source: loaded.sources.get(setting.key),
      },
    ]);
    console.log(JSON.stringify(Object.fromEntries(entries), null, 2));
  });
}
