/** Settings of the audio mix. */
import { choice, flag, number, type ValuesOf } from './setting.js';

export const AUDIO_SETTINGS = [
  choice('audio.channels', ['1', '2'], 'Mono or stereo mix.'),
  number(
    'audio.bitrate',
    { unit: 'kbit/s', min: 16, max: 256, default: 48 },
    'Bitrate of each audio mix.',
  ),
  number(
    'audio.lowBitrate',
    { unit: 'kbit/s', min: 8, max: 64, default: 16 },
    'Bitrate of the mixes for weak links; packet headers add 9 kbit/s.',
  ),
  number(
    'audio.maxSpeakers',
    { unit: 'speakers', min: 1, max: 32, default: 8 },
    'How many people are heard at once.',
  ),
  flag('audio.levelling', 'off', 'Slowly brings all voices to one loudness (-20 LUFS).'),
  flag('audio.noiseGate', 'on', 'Turns down the steady noise of people who do not speak.'),
  flag('audio.dtx', 'on', 'Asks clients not to send silence (discontinuous transmission).'),
  flag(
    'audio.placement',
    'off',
    'Voices come from where their tiles are; needs `audio.channels: 2`.',
  ),
] as const;

/** The audio part of a room's mix. */
export function audioMix(values: ValuesOf<typeof AUDIO_SETTINGS>) {
  const audioChannels: 1 | 2 = values['audio.channels'] === '2' ? 2 : 1;
  return {
    audioChannels,
    audioBitrateBps: values['audio.bitrate'] * 1000,
    lowAudioBitrateBps: values['audio.lowBitrate'] * 1000,
    maxSpeakers: values['audio.maxSpeakers'],
    levelling: values['audio.levelling'],
    noiseGate: values['audio.noiseGate'],
    stereoPlacement: values['audio.placement'],
  };
}
