/** What a setting is: its kinds, how its text is read and printed, and the type of its value. */

interface Described<Key extends string> {
  /** `section.name`, as in the configuration file. */
  readonly key: Key;
  /** One sentence for the documentation and `--help`. */
  readonly about: string;
}

/** A whole number. */
export interface NumberSetting<Key extends string = string> extends Described<Key> {
  readonly kind: 'number';
  readonly unit: string;
  readonly min: number;
  readonly max: number;
  /** The value must be a multiple of this. */
  readonly step: number;
  readonly default: number;
}

export interface ChoiceSetting<Key extends string = string, Value extends string = string>
  extends Described<Key> {
  readonly kind: 'choice';
  /** The first is the default. */
  readonly values: readonly Value[];
  readonly default: Value;
}

/** `on` or `off`. */
export interface FlagSetting<Key extends string = string> extends Described<Key> {
  readonly kind: 'flag';
  readonly default: boolean;
}

export interface TextSetting<Key extends string = string> extends Described<Key> {
  readonly kind: 'text';
  /** Masked where it is printed. */
  readonly secret: boolean;
  readonly default: string;
}

/** Comma separated; in the configuration file a list too. */
export interface ListSetting<Key extends string = string> extends Described<Key> {
  readonly kind: 'list';
  readonly secret: boolean;
  /** Each item is `name:value`; in the configuration file a mapping too. */
  readonly pairs: boolean;
  readonly default: readonly string[];
}

export type Setting = NumberSetting | ChoiceSetting | FlagSetting | TextSetting | ListSetting;

export type SettingValue = number | boolean | string | readonly string[];

type ValueOf<S extends Setting> = S extends NumberSetting
  ? number
  : S extends FlagSetting
    ? boolean
    : S extends ListSetting
      ? readonly string[]
      : S extends ChoiceSetting<string, infer Value>
        ? Value
        : string;

/** The values of a list of settings, by key. */
export type ValuesOf<List extends readonly Setting[]> = {
  readonly [S in List[number] as S['key']]: ValueOf<S>;
};

/** Reports that the value of a setting is wrong. `next` is what to do about it. */
export type ReportFault = (key: string, text: string, next?: string) => void;

interface NumberRange {
  readonly unit: string;
  readonly min: number;
  readonly max: number;
  readonly default: number;
  readonly step?: number;
}

export function number<const Key extends string>(
  key: Key,
  range: NumberRange,
  about: string,
): NumberSetting<Key> {
  return { kind: 'number', key, about, step: 1, ...range };
}

/** @param values the first is the default. */
export function choice<const Key extends string, const Value extends string>(
  key: Key,
  values: readonly [Value, ...Value[]],
  about: string,
): ChoiceSetting<Key, Value> {
  return { kind: 'choice', key, about, values, default: values[0] };
}

export function flag<const Key extends string>(
  key: Key,
  value: 'on' | 'off',
  about: string,
): FlagSetting<Key> {
  return { kind: 'flag', key, about, default: value === 'on' };
}

export function text<const Key extends string>(
  key: Key,
  value: string,
  about: string,
  { secret = false } = {},
): TextSetting<Key> {
  return { kind: 'text', key, about, secret, default: value };
}

export function list<const Key extends string>(
  key: Key,
  value: readonly string[],
  about: string,
  { secret = false, pairs = false } = {},
): ListSetting<Key> {
  return { kind: 'list', key, about, secret, pairs, default: value };
}

/** `video.frameRate` as an environment variable: `TESSERA_VIDEO_FRAME_RATE`. */
export function environmentName(key: string): string {
  const snake = key.replace(/\./g, '_').replace(/([a-z0-9])([A-Z])/g, '$1_$2');
  return `TESSERA_${snake.toUpperCase()}`;
}

/** `video.frameRate` as a flag: `--video-frame-rate`. */
export function flagName(key: string): string {
  return `--${environmentName(key).slice('TESSERA_'.length).toLowerCase().replace(/_/g, '-')}`;
}

/** The words that a setting takes, the default first; undefined if it takes more than words. */
export function wordsOf(setting: Setting): readonly string[] | undefined {
  if (setting.kind === 'choice') return setting.values;
  if (setting.kind !== 'flag') return undefined;
  return setting.default ? ['on', 'off'] : ['off', 'on'];
}

export function isSecret(setting: Setting): boolean {
  return (setting.kind === 'text' || setting.kind === 'list') && setting.secret;
}

/** A value as it stands in the environment and in flags. */
export function printValue(value: SettingValue): string | number {
  if (typeof value === 'boolean') return value ? 'on' : 'off';
  return typeof value === 'object' ? value.join(',') : value;
}

/** Reads a value from the text of a flag or an environment variable. `fault` says what it must be. */
export function parseValue(
  setting: Setting,
  raw: string,
): { readonly value: SettingValue } | { readonly fault: string } {
  if (setting.kind === 'text') return { value: raw };
  if (setting.kind === 'list') {
    const items = raw.split(',').map((item) => item.trim());
    return { value: items.filter((item) => item !== '') };
  }
  const words = wordsOf(setting);
  if (words) {
    if (!words.includes(raw)) return { fault: `one of ${words.join(' | ')}` };
    return { value: setting.kind === 'flag' ? raw === 'on' : raw };
  }
  return parseNumber(setting as NumberSetting, raw);
}

function parseNumber(
  { min, max, step, unit }: NumberSetting,
  raw: string,
): { readonly value: number } | { readonly fault: string } {
  const value = Number(raw);
  const isWhole = raw.trim() !== '' && Number.isInteger(value);
  if (isWhole && value >= min && value <= max && value % step === 0) return { value };
  const multiple = step === 1 ? '' : `, a multiple of ${step}`;
  return { fault: `a whole number from ${min} to ${max} (${unit})${multiple}` };
}
