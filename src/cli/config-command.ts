/** `tessera config`: the configuration in effect, and where each value came from. */
import type { Command } from 'commander';
import { stringify } from 'yaml';
import type { EffectiveSetting } from '../config/load.js';
import { isSecret, printValue } from '../config/setting.js';
import { type CliContext, configOf, withSettings } from './context.js';

const MASK = '***';

function shown({ setting, value }: EffectiveSetting): string | number {
  const printed = printValue(value);
  return isSecret(setting) && printed !== '' ? MASK : printed;
}

/** As a configuration file: YAML, each line with its source. */
export function describeSettings(settings: readonly EffectiveSetting[]): string {
  const lines: string[] = [];
  let section = '';
  // Settings without a section come first: below a section they would belong to it.
  const ordered = [...settings].sort(
    (a, b) => Number(a.setting.key.includes('.')) - Number(b.setting.key.includes('.')),
  );
  for (const one of ordered) {
    const { key } = one.setting;
    const [first = '', rest = ''] = key.includes('.') ? key.split('.', 2) : ['', key];
    if (first !== section) lines.push(`${first}:`);
    section = first;
    lines.push(`${section ? '  ' : ''}${rest}: ${stringify(shown(one)).trim()} # ${one.source}`);
  }
  return lines.join('\n');
}

export function addConfig(program: Command, context: CliContext): void {
  const command = program
    .command('config')
    .description('print the configuration in effect, secrets masked')
    .option('--json', 'as JSON, by key');
  withSettings(command).action(() => {
    const { settings } = configOf(command, context);
    if (!command.opts<{ json?: boolean }>().json) {
      console.log(describeSettings(settings));
      return;
    }
    const entries = settings.map((one) => [
      one.setting.key,
      { value: shown(one), source: one.source },
    ]);
    console.log(JSON.stringify(Object.fromEntries(entries), null, 2));
  });
}
