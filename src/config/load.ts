/**
 * Reads the settings: defaults, then the configuration file, then the environment, then flags; the
 * later wins. All faults are told at once.
 */
import { parseDocument } from 'yaml';
import { TesseraError } from '../errors.js';
import { environmentName, flagName, SETTINGS, type Setting, type SettingKey } from './schema.js';

/** All settings with their values, checked. */
export type Settings = ReadonlyMap<SettingKey, string | number>;

/** Where a setting's value came from. */
export type SettingSource = 'default' | 'file' | 'environment' | 'flag';

export interface SettingInputs {
  /** Text of the configuration file; undefined if there is none. */
  readonly file?: { readonly path: string; readonly text: string } | undefined;
  readonly environment?: Readonly<Record<string, string | undefined>>;
  /** By key. */
  readonly flags?: Readonly<Record<string, string>>;
  /** In place of the schema's own, by key. */
  readonly defaults?: Readonly<Record<string, string>>;
}

export interface LoadedSettings {
  readonly settings: Settings;
  readonly sources: ReadonlyMap<SettingKey, SettingSource>;
}

/** Variables that are no settings. */
const OTHER_VARIABLES: ReadonlySet<string> = new Set(['TESSERA_CONFIG', 'TESSERA_URL']);

function parse(setting: Setting, raw: string): { value: string | number } | { fault: string } {
  if (setting.kind === 'text') return { value: raw };
  if (setting.kind === 'choice') {
    return setting.values.includes(raw)
      ? { value: raw }
      : { fault: `one of ${setting.values.join(' | ')}` };
  }
  const value = Number(raw);
  const whole = setting.step === undefined || value % setting.step === 0;
  const fits =
    raw.trim() !== '' && Number.isInteger(value) && value >= setting.min && value <= setting.max;
  if (fits && whole) return { value };
  const multiple = setting.step === undefined ? '' : `, a multiple of ${setting.step}`;
  return {
    fault: `a whole number from ${setting.min} to ${setting.max} (${setting.unit})${multiple}`,
  };
}

/** A value of the file as the text that the environment would have; undefined if it cannot be one. */
function textOfValue(value: unknown, setting: Setting): string | undefined {
  if (value === null) return '';
  if (Array.isArray(value)) return value.map(String).join(',');
  // YAML reads off and on as words, but false and true as what they are.
  if (typeof value === 'boolean') return value ? 'on' : 'off';
  if (typeof value === 'object') {
    if (setting.key !== 'auth.keys') return undefined;
    return Object.entries(value)
      .map(([key, secret]) => `${key}:${String(secret)}`)
      .join(',');
  }
  return String(value);
}

/** The leaves of the file by key; a fault for each that is no setting. */
function readFile(
  { path, text }: { path: string; text: string },
  faults: string[],
): Map<string, string> {
  const found = new Map<string, string>();
  const document = parseDocument(text);
  for (const error of document.errors) faults.push(`${path}: ${error.message.split('\n')[0]}`);
  if (document.errors.length > 0) return found;
  const byKey = new Map<string, Setting>(SETTINGS.map((setting) => [setting.key, setting]));
  const walk = (value: unknown, key: string) => {
    const setting = byKey.get(key);
    if (setting) {
      const raw = textOfValue(value, setting);
      if (raw === undefined) faults.push(`${path}: ${key}: must not have parts`);
      else found.set(key, raw);
    } else if (typeof value === 'object' && value !== null && !Array.isArray(value)) {
      for (const [name, part] of Object.entries(value)) walk(part, key ? `${key}.${name}` : name);
    } else if (key !== '' || value !== null) {
      faults.push(`${path}: ${key || 'the file'}: no such setting`);
    }
  };
  walk(document.toJS(), '');
  return found;
}

/** @throws TesseraError `bad_config` that names all faults at once, by their exact keys. */
export function loadSettings(inputs: SettingInputs): LoadedSettings {
  const { environment = {}, flags = {}, defaults = {} } = inputs;
  const values = new Map<SettingKey, string | number>();
  const sources = new Map<SettingKey, SettingSource>();
  const faults: string[] = [];
  const file = inputs.file ? readFile(inputs.file, faults) : new Map<string, string>();
  for (const setting of SETTINGS) {
    const { key } = setting;
    const variable = environmentName(key);
    const layers = [
      ['flag', flags[key], flagName(key)],
      ['environment', environment[variable], variable],
      ['file', file.get(key), `${inputs.file?.path}: ${key}`],
    ] as const;
    values.set(key, defaults[key] ?? setting.default);
    sources.set(key, 'default');
    let taken = false;
    for (const [source, raw, name] of layers) {
      if (raw === undefined) continue;
      const parsed = parse(setting, raw);
      const shown = 'secret' in setting && setting.secret ? '***' : raw;
      if ('fault' in parsed) faults.push(`${name}=${shown}: must be ${parsed.fault}`);
      else if (!taken) {
        values.set(key, parsed.value);
        sources.set(key, source);
        taken = true;
      }
    }
  }
  const variables = new Set(SETTINGS.map(({ key }) => environmentName(key)));
  for (const name of Object.keys(environment)) {
    const known = variables.has(name) || OTHER_VARIABLES.has(name);
    if (name.startsWith('TESSERA_') && !known) faults.push(`${name}: no such setting`);
  }
  if (faults.length > 0) {
    throw new TesseraError(
      'bad_config',
      `the configuration is not valid:\n  ${faults.join('\n  ')}`,
      { next: "See the README's table of settings, or `tessera config`." },
    );
  }
  return { settings: values, sources };
}

export function numberOf(settings: Settings, key: SettingKey): number {
  return Number(settings.get(key));
}

export function textOf(settings: Settings, key: SettingKey): string {
  return String(settings.get(key));
}

/** A comma-separated setting as a list, without empty parts. */
export function listOf(settings: Settings, key: SettingKey): string[] {
  return textOf(settings, key)
    .split(',')
    .map((part) => part.trim())
    .filter((part) => part !== '');
}
