/**
 * Reads the configuration. Flags win over the environment, the environment over the configuration
 * file, the file over the defaults. All faults are reported at once.
 */
import { TesseraError } from '../errors.js';
import { readConfigFile } from './config-file.js';
import { SETTINGS, type SettingKey, type SettingValues } from './schema.js';
import { type ServerConfig, serverConfig } from './server-config.js';
import {
  environmentName,
  flagName,
  isSecret,
  parseValue,
  type Setting,
  type SettingValue,
} from './setting.js';

/** Where a setting's value came from. */
export type SettingSource = 'default' | 'file' | 'environment' | 'flag';

type Texts = { readonly [Key in SettingKey]?: string | undefined };

export interface ConfigInputs {
  /** The configuration file; undefined if there is none. */
  readonly file?: { readonly path: string; readonly text: string } | undefined;
  readonly environment?: Readonly<Record<string, string | undefined>>;
  readonly flags?: Texts;
  /** In place of the defaults of the schema. */
  readonly defaults?: Texts;
}

/** A setting with its value in effect. */
export interface EffectiveSetting {
  readonly setting: Setting;
  readonly value: SettingValue;
  readonly source: SettingSource;
}

export interface ConfigFault {
  /** What is wrong, with the name of the setting where it was set. */
  readonly text: string;
  /** What to do about it. */
  readonly next?: string | undefined;
}

export interface ReadConfig {
  /** With faults: the default takes the place of each value that cannot be read. */
  readonly config: ServerConfig;
  /** In the order of the schema. */
  readonly settings: readonly EffectiveSetting[];
  readonly faults: readonly ConfigFault[];
}

/** Variables that begin like settings but are none. */
const OTHER_VARIABLES: ReadonlySet<string> = new Set(['TESSERA_CONFIG', 'TESSERA_URL']);

interface Layer {
  readonly source: SettingSource;
  /** The name of a setting in this layer, for faults. */
  nameOf(key: string): string;
  textOf(key: SettingKey): string | undefined;
}

function layersOf(inputs: ConfigInputs, faults: ConfigFault[]): readonly Layer[] {
  const { file, environment = {}, flags = {}, defaults = {} } = inputs;
  const found = file ? readConfigFile(file, (text) => faults.push({ text })) : new Map();
  return [
    { source: 'flag', nameOf: flagName, textOf: (key) => flags[key] },
    {
      source: 'environment',
      nameOf: environmentName,
      textOf: (key) => environment[environmentName(key)],
    },
    { source: 'file', nameOf: (key) => `${file?.path}: ${key}`, textOf: (key) => found.get(key) },
    { source: 'default', nameOf: (key) => key, textOf: (key) => defaults[key] },
  ];
}

/** The value of the first layer that has one. Faults of the layers below are reported too. */
function effective(
  setting: (typeof SETTINGS)[number],
  layers: readonly Layer[],
  faults: ConfigFault[],
): EffectiveSetting {
  let found: EffectiveSetting | undefined;
  for (const { source, nameOf, textOf } of layers) {
    const raw = textOf(setting.key);
    if (raw === undefined) continue;
    const parsed = parseValue(setting, raw);
    if ('value' in parsed) found ??= { setting, value: parsed.value, source };
    else {
      const shown = isSecret(setting) ? '***' : raw;
      faults.push({ text: `${nameOf(setting.key)}=${shown}: must be ${parsed.fault}` });
    }
  }
  return found ?? { setting, value: setting.default, source: 'default' };
}

function unknownVariables(environment: ConfigInputs['environment'] = {}): ConfigFault[] {
  const known = new Set(SETTINGS.map(({ key }) => environmentName(key)));
  return Object.keys(environment)
    .filter((name) => name.startsWith('TESSERA_') && !known.has(name) && !OTHER_VARIABLES.has(name))
    .map((name) => ({ text: `${name}: no such setting` }));
}

/** Reads and checks everything; never throws. */
export function readConfig(inputs: ConfigInputs): ReadConfig {
  const faults: ConfigFault[] = [];
  const layers = layersOf(inputs, faults);
  const settings = SETTINGS.map((setting) => effective(setting, layers, faults));
  faults.push(...unknownVariables(inputs.environment));
  const values = Object.fromEntries(settings.map(({ setting, value }) => [setting.key, value]));
  const config = serverConfig(values as SettingValues, (key, text, next) => {
    const source = settings.find(({ setting }) => setting.key === key)?.source;
    const name = layers.find((layer) => layer.source === source)?.nameOf(key) ?? key;
    faults.push({ text: `${name}: ${text}`, next });
  });
  return { config, settings, faults };
}

/** @throws TesseraError `bad_config` that names all faults at once. */
export function loadConfig(inputs: ConfigInputs): Omit<ReadConfig, 'faults'> {
  const { faults, ...read } = readConfig(inputs);
  if (faults.length === 0) return read;
  const texts = faults.map(({ text }) => text);
  const next = faults.flatMap((fault) => fault.next ?? []);
  throw new TesseraError('bad_config', `the configuration is not valid:\n  ${texts.join('\n  ')}`, {
    next: next.join('\n  ') || 'See docs/configuration.md, or run `tessera config`.',
  });
}
