/** Settings of rooms: limits, load control, and what their media is made with. */
import type { CompositeCodec } from '../protocol/codec-names.js';
import type { FrameLimit } from '../util/frame-size.js';
import { type AUDIO_SETTINGS, audioMix } from './audio.js';
import { type ICE_SETTINGS, type TransportConfig, transportConfig } from './ice.js';
import type { LISTEN_SETTINGS, SERVER_SETTINGS } from './server.js';
import { flag, number, type ReportFault, type ValuesOf } from './setting.js';
import { type VIDEO_SETTINGS, videoCodecs, videoMix } from './video.js';

export const ROOM_SETTINGS = [
  number(
    'room.maxParticipants',
    { unit: 'participants', min: 1, max: 1000, default: 100 },
    'Participants of a room; more are refused.',
  ),
  number(
    'room.maxSeconds',
    { unit: 'seconds', min: 0, max: 31_536_000, default: 0 },
    'How long a room may last; 0 is without limit.',
  ),
  number(
    'room.emptySeconds',
    { unit: 'seconds', min: 0, max: 86_400, default: 20 },
    'How long an empty room keeps its process.',
  ),
] as const;

export const LOAD_SETTINGS = [
  flag(
    'load.control',
    'on',
    'When the CPU is too slow for it, video quality is lowered step by step; audio never is.',
  ),
  number(
    'load.admission',
    { unit: '%', min: 10, max: 100, default: 85 },
    'Share of the CPU that joining may fill; beyond, joins get 503 with Retry-After. 100 refuses nobody.',
  ),
  number(
    'load.memory',
    { unit: '%', min: 10, max: 100, default: 92 },
    'Share of the memory (of the machine or its control group) in use beyond which joins get 503. 100 refuses nobody.',
  ),
] as const;

type Values = ValuesOf<
  | typeof ROOM_SETTINGS
  | typeof LOAD_SETTINGS
  | typeof VIDEO_SETTINGS
  | typeof AUDIO_SETTINGS
  | typeof ICE_SETTINGS
  | typeof LISTEN_SETTINGS
  | typeof SERVER_SETTINGS
>;

/** What the composite and the mix are made with. */
export type MixConfig = ReturnType<typeof videoMix> &
  ReturnType<typeof audioMix> & { readonly loadControl: boolean };

export interface RoomsConfig {
  readonly mix: MixConfig;
  readonly transport: TransportConfig;
  /** Codecs of the composite, best first. */
  readonly videoCodecs: readonly CompositeCodec[];
  /** The largest video that clients may send. */
  readonly maxInput: FrameLimit;
  /** Ask clients not to send silence. */
  readonly dtx: boolean;
  /** Of rooms that do not set their own. 0 for `maxSeconds` is without limit. */
  readonly defaults: {
    readonly maxParticipants: number;
    readonly maxSeconds: number;
    readonly emptySeconds: number;
  };
  /** Folder for what survives a restart. */
  readonly dataDir: string;
  readonly maxRooms: number;
  readonly loadControl: boolean;
  /** Share of the CPU that joining may fill; 1 refuses nobody. */
  readonly admissionShare: number;
  /** Share of the memory that may be in use before joins are refused; 1 refuses nobody. */
  readonly memoryShare: number;
  /** With less free space in `dataDir` nothing new is kept there. */
  readonly minFreeBytes: number;
}

export function roomsConfig(values: Values, report: ReportFault): RoomsConfig {
  const loadControl = values['load.control'];
  return {
    mix: { ...videoMix(values, report), ...audioMix(values), loadControl },
    transport: transportConfig(values, report),
    videoCodecs: videoCodecs(values, report),
    maxInput: { long: values['video.maxInputLong'], short: values['video.maxInputShort'] },
    dtx: values['audio.dtx'],
    defaults: {
      maxParticipants: values['room.maxParticipants'],
      maxSeconds: values['room.maxSeconds'],
      emptySeconds: values['room.emptySeconds'],
    },
    dataDir: values['data.dir'],
    maxRooms: values['server.maxRooms'],
    loadControl,
    admissionShare: values['load.admission'] / 100,
    memoryShare: values['load.memory'] / 100,
    minFreeBytes: values['data.minFreeSpace'] * 1_000_000,
  };
}
