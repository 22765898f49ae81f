/** The whole configuration, typed: built once from checked settings and frozen. */
import { type AuthConfig, authConfig } from './auth.js';
import { type CaptureConfig, captureConfig } from './capture.js';
import { type IceServersConfig, iceServersConfig } from './ice.js';
import { type LiveConfig, liveConfig } from './live.js';
import { type RecordingConfig, recordingConfig } from './recording.js';
import { type RoomsConfig, roomsConfig } from './rooms.js';
import type { SettingValues } from './schema.js';
import { type HttpConfig, httpConfig, type SignallingConfig, signallingConfig } from './server.js';
import type { ReportFault } from './setting.js';
import { type WebhookConfig, webhookConfig } from './webhooks.js';

export interface ServerConfig {
  readonly logLevel: SettingValues['logLevel'];
  readonly http: HttpConfig;
  readonly signalling: SignallingConfig;
  readonly auth: AuthConfig;
  readonly rooms: RoomsConfig;
  readonly iceServers: IceServersConfig;
  readonly recording: RecordingConfig;
  readonly live: LiveConfig;
  readonly captures: CaptureConfig;
  /** Undefined without destinations. */
  readonly webhooks: WebhookConfig | undefined;
  /** How long the server waits for calls to end before it closes. */
  readonly drainMs: number;
}

/** Reports what is wrong with values that are each of the right kind. */
export function serverConfig(values: SettingValues, report: ReportFault): ServerConfig {
  return freeze({
    logLevel: values.logLevel,
    http: httpConfig(values, report),
    signalling: signallingConfig(values),
    auth: authConfig(values, report),
    rooms: roomsConfig(values, report),
    iceServers: iceServersConfig(values),
    recording: recordingConfig(values, report),
    live: liveConfig(values),
    captures: captureConfig(values),
    webhooks: webhookConfig(values, report),
    drainMs: values['server.drainSeconds'] * 1000,
  });
}

/** Freezes objects and arrays, and those in them. Buffers cannot be frozen. */
function freeze<T>(value: T): T {
  if (typeof value !== 'object' || value === null || Buffer.isBuffer(value)) return value;
  for (const part of Object.values(value)) freeze(part);
  return Object.freeze(value);
}
