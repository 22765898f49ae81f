/** What the commands are given, and the settings that all of them read the same way. */
import { existsSync, readFileSync } from 'node:fs';
import { type Command, Option } from 'commander';
import { type LoadedSettings, loadSettings } from '../config/load.js';
import { flagName, SETTINGS, type Setting } from '../config/schema.js';
import { TesseraError } from '../errors.js';

export interface CliContext {
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly isTerminal: boolean;
}

const DEFAULT_FILE = 'tessera.yaml';

function optionOf(setting: Setting): Option {
  const value = setting.kind === 'number' ? setting.unit.split('/')[0] : 'text';
  const option = new Option(`${flagName(setting.key)} <${value}>`, setting.about);
  return setting.kind === 'choice' ? option.choices([...setting.values]) : option;
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
    });
  }
}

/** @param defaults as the environment would have them, below everything else. */
export function settingsOf(
  command: Command,
  { environment }: CliContext,
  defaults: Readonly<Record<string, string>> = {},
): LoadedSettings {
  const options = command.opts<Record<string, string | undefined>>();
  const flags: Record<string, string> = {};
  for (const setting of SETTINGS) {
    const given = options[optionOf(setting).attributeName()];
    if (given !== undefined) flags[setting.key] = given;
  }
  const file = fileOf(options.config ?? environment.TESSERA_CONFIG);
  return loadSettings({ file, environment, flags, defaults });
}
