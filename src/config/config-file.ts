/** The configuration file: YAML whose nested keys are the settings. */
import { parseDocument } from 'yaml';
import { SETTINGS } from './schema.js';
import type { Setting } from './setting.js';

/** A value of the file as the text that an environment variable would have; undefined if it has parts. */
function textOfValue(value: unknown, setting: Setting): string | undefined {
  if (value === null) return '';
  if (Array.isArray(value)) return value.map(String).join(',');
  // YAML reads `on` and `off` as words, but `true` and `false` as booleans.
  if (typeof value === 'boolean') return value ? 'on' : 'off';
  if (typeof value !== 'object') return String(value);
  if (setting.kind !== 'list' || !setting.pairs) return undefined;
  return Object.entries(value)
    .map(([name, part]) => `${name}:${String(part)}`)
    .join(',');
}

/** Texts by key. Reports what cannot be read and keys that are not settings. */
export function readConfigFile(
  { path, text }: { readonly path: string; readonly text: string },
  report: (fault: string) => void,
): ReadonlyMap<string, string> {
  const found = new Map<string, string>();
  const document = parseDocument(text);
  for (const error of document.errors) report(`${path}: ${error.message.split('\n')[0]}`);
  if (document.errors.length > 0) return found;
  const byKey = new Map<string, Setting>(SETTINGS.map((setting) => [setting.key, setting]));
  const walk = (value: unknown, key: string) => {
    const setting = byKey.get(key);
    if (setting) {
      const raw = textOfValue(value, setting);
      if (raw === undefined) report(`${path}: ${key}: must not have parts`);
      else found.set(key, raw);
    } else if (typeof value === 'object' && value !== null && !Array.isArray(value)) {
      for (const [name, part] of Object.entries(value)) walk(part, key ? `${key}.${name}` : name);
    } else if (key !== '' || value !== null) {
      report(`${path}: ${key || 'the file'}: no such setting`);
    }
  };
  walk(document.toJS(), '');
  return found;
}
