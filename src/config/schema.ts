/**
 * Every setting of the server: key, unit, range, default and purpose. This is the only list of them:
 * the configuration file, environment variables, flags and the table in the documentation come from it.
 */
import { AUDIO_SETTINGS } from './audio.js';
import { AUTH_SETTINGS } from './auth.js';
import { CAPTURE_SETTINGS } from './capture.js';
import { ICE_SETTINGS } from './ice.js';
import { LIVE_SETTINGS } from './live.js';
import { RECORDING_SETTINGS } from './recording.js';
import { LOAD_SETTINGS, ROOM_SETTINGS } from './rooms.js';
import { LIMIT_SETTINGS, LISTEN_SETTINGS, SERVER_SETTINGS, WEB_SETTINGS } from './server.js';
import { printValue, type Setting, type ValuesOf, wordsOf } from './setting.js';
import { VIDEO_SETTINGS } from './video.js';
import { WEBHOOK_SETTINGS } from './webhooks.js';

export const SETTINGS = [
  ...LISTEN_SETTINGS,
  ...VIDEO_SETTINGS,
  ...AUDIO_SETTINGS,
  ...RECORDING_SETTINGS,
  ...LIVE_SETTINGS,
  ...CAPTURE_SETTINGS,
  ...ROOM_SETTINGS,
  ...SERVER_SETTINGS,
  ...AUTH_SETTINGS,
  ...WEB_SETTINGS,
  ...WEBHOOK_SETTINGS,
  ...LOAD_SETTINGS,
  ...LIMIT_SETTINGS,
  ...ICE_SETTINGS,
] as const;

export type SettingKey = (typeof SETTINGS)[number]['key'];

/** A value for every setting, typed by its kind. */
export type SettingValues = ValuesOf<typeof SETTINGS>;

function rangeOf(setting: Setting): string {
  if (setting.kind === 'number') return `${setting.min} to ${setting.max}`;
  return (
    wordsOf(setting)
      ?.map((word) => `\`${word}\``)
      .join(', ') ?? 'text'
  );
}

/** The documentation's table of settings, in Markdown. */
export function settingsTable(): string {
  const rows = SETTINGS.map((setting: Setting) => {
    const unit = setting.kind === 'number' ? setting.unit : '';
    const value = printValue(setting.default);
    const shown = value === '' ? '(empty)' : `\`${value}\``;
    return `| \`${setting.key}\` | ${unit} | ${rangeOf(setting)} | ${shown} | ${setting.about} |`;
  });
  return [
    '| setting | unit | range | default | what for |',
    '| --- | --- | --- | --- | --- |',
    ...rows,
  ].join('\n');
}
