import { TesseraError } from '../errors.js';
import { environmentName, SETTINGS, type Setting, type SettingKey } from './schema.js';

/** All settings with their values, checked. */
export type Settings = ReadonlyMap<SettingKey, string | number>;

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

/**
 * Reads the settings from environment variables.
 * @throws TesseraError `bad_config` that names all faults at once.
 */
export function loadSettings(environment: Readonly<Record<string, string | undefined>>): Settings {
  const values = new Map<SettingKey, string | number>();
  const faults: string[] = [];
  const known = new Set<string>();
  for (const setting of SETTINGS) {
    const name = environmentName(setting.key);
    known.add(name);
    const raw = environment[name];
    if (raw === undefined) {
      values.set(setting.key, setting.default);
      continue;
    }
    const parsed = parse(setting, raw);
    if ('fault' in parsed) faults.push(`${name}=${raw}: must be ${parsed.fault}`);
    else values.set(setting.key, parsed.value);
  }
  for (const name of Object.keys(environment)) {
    if (name.startsWith('TESSERA_') && !known.has(name)) faults.push(`${name}: no such setting`);
  }
  if (faults.length > 0) {
    throw new TesseraError(
      'bad_config',
      `the configuration is not valid:\n  ${faults.join('\n  ')}`,
      {
        next: "See the README's table of settings.",
      },
    );
  }
  return values;
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
