/** What commands get, and the configuration that all of them read the same way. */
import { existsSync, readFileSync } from 'node:fs';
import { type Command, Option } from 'commander';
import { loadConfig, type ReadConfig, readConfig } from '../config/load.js';
import { SETTINGS, type SettingKey } from '../config/schema.js';
import { flagName, type Setting, wordsOf } from '../config/setting.js';
import { TesseraError } from '../errors.js';

export interface CliContext {
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly isTerminal: boolean;
}

const DEFAULT_FILE = 'tessera.yaml';

function optionOf(setting: Setting): Option {
  const value = setting.kind === 'number' ? setting.unit.split('/')[0] : 'text';
  const option = new Option(`${flagName(setting.key)} <${value}>`, setting.about);
  const words = wordsOf(setting);
  return words ? option.choices([...words]) : option;
}

/** Adds `--config` and a flag for every setting. */
export function withSettings(command: Command): Command {
  command.option('-c, --config <file>', `configuration file (default: ${DEFAULT_FILE}, if there)`);
  for (const setting of SETTINGS) command.addOption(optionOf(setting));
  return command;
}

function fileOf(path: string | undefined): { path: string; text: string } | undefined {
  if (path === undefined && !existsSync(DEFAULT_FILE)) return undefined;
  const name = path ?? DEFAULT_FILE;
  try {
    return { path: name, text: readFileSync(name, 'utf8') };
  } catch (cause) {
    throw new TesseraError('bad_config', `the configuration file ${name} cannot be read`, {
      cause,
      next: 'Check its path and permissions.',
    });
  }
}

type Defaults = Readonly<Partial<Record<SettingKey, string>>>;

function inputsOf(command: Command, { environment }: CliContext, defaults: Defaults) {
  const options = command.opts<Record<string, string | undefined>>();
  const flags: Partial<Record<SettingKey, string>> = {};
  for (const setting of SETTINGS) {
    const given = options[optionOf(setting).attributeName()];
    if (given !== undefined) flags[setting.key] = given;
  }
  const file = fileOf(options.config ?? environment.TESSERA_CONFIG);
  return { file, environment, flags, defaults };
}

/**
 * @param defaults in place of those of the schema; everything else wins over them.
 * @throws TesseraError `bad_config` that names all faults.
 */
export function configOf(
  command: Command,
  context: CliContext,
  defaults: Defaults = {},
): Omit<ReadConfig, 'faults'> {
  return loadConfig(inputsOf(command, context, defaults));
}

/** The configuration with its faults; what cannot be read has its default. */
export function configWithFaults(command: Command, context: CliContext): ReadConfig {
  return readConfig(inputsOf(command, context, {}));
}
