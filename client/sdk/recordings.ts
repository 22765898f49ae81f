/** A room's recordings: begun, ended, listed and played, as far as one's role allows. */

import type { RecordingInfo, RecordingRequest } from '../../src/protocol/recording-info.js';
import type { ServerMessage } from '../../src/protocol/server-messages.js';

export type { RecordingInfo, RecordingRequest };

/** What the server gives for it: no token where nobody needs one. */
type RecordingAccess = Omit<Extract<ServerMessage, { type: 'recordings' }>, 'type'>;

export class RecordingError extends Error {
  constructor(
    /** Stable; see the server's error codes. */
    readonly code: string,
    message: string,
  ) {
    super(message);
    this.name = 'RecordingError';
  }
}

/** A token is used for so long: the server's are good for ten minutes. */
const ACCESS_MS = 300_000;
const ANSWER_MS = 10_000;

export class RoomRecordings {
  private readonly base: string;
  private readonly room: string;
  private access: RecordingAccess | undefined;
  private accessSince = 0;
  private waiting: ((access: RecordingAccess) => void)[] = [];

  /** @param ask lets the server answer what one may do. */
  constructor(
    { url, room }: { readonly url: string; readonly room: string },
    private readonly ask: () => void,
  ) {
    this.base = new URL('v1', url.replace(/^ws/, 'http')).href;
    this.room = room;
  }

  /** What the server said one may do. */
  answered(access: RecordingAccess): void {
    this.access = access;
    this.accessSince = Date.now();
    for (const resolve of this.waiting.splice(0)) resolve(access);
  }

  /** Whether they may be seen. */
  async mayRead(): Promise<boolean> {
    return (await this.currentAccess()).reads;
  }

  /** Whether they may be begun, ended and deleted. */
  async mayWrite(): Promise<boolean> {
    return (await this.currentAccess()).writes;
  }

  /** The latest first. */
  list(): Promise<RecordingInfo[]> {
    return this.call('GET', this.roomPath);
  }

  /** @param request what is left out is as the server's settings say. */
  start(request: RecordingRequest = {}): Promise<RecordingInfo> {
    return this.call('POST', this.roomPath, request);
  }

  pause(id: string): Promise<RecordingInfo> {
    return this.call('POST', `/recordings/${id}/pause`);
  }

  resume(id: string): Promise<RecordingInfo> {
    return this.call('POST', `/recordings/${id}/resume`);
  }

  /** Its files are there once its status is `finished`. */
  stop(id: string): Promise<RecordingInfo> {
    return this.call('POST', `/recordings/${id}/stop`);
  }

  async delete(id: string): Promise<void> {
    await this.call('DELETE', `/recordings/${id}`);
  }

  /** Where one of its files can be read, for ten minutes. @param download offers it to be saved. */
  async urlOf(id: string, file: string, download = false): Promise<string> {
    const { token } = await this.currentAccess();
    const query = new URLSearchParams({
      ...(download ? { download: '1' } : {}),
      ...(token === undefined ? {} : { access_token: token }),
    });
    return `${this.base}/recordings/${id}/files/${file}?${query}`;
  }

  private get roomPath(): string {
    return `/rooms/${encodeURIComponent(this.room)}/recordings`;
  }

  private async currentAccess(): Promise<RecordingAccess> {
    if (this.access && Date.now() - this.accessSince < ACCESS_MS) return this.access;
    return new Promise((resolve, reject) => {
      const late = setTimeout(() => reject(new Error('the server does not answer')), ANSWER_MS);
      this.waiting.push((access) => {
        clearTimeout(late);
        resolve(access);
      });
      this.ask();
    });
  }

  private async call<T>(method: string, path: string, body?: object): Promise<T> {
    const { token } = await this.currentAccess();
    const answer = await fetch(`${this.base}${path}`, {
      method,
      headers: {
        ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    if (answer.status === 204) return undefined as T;
    const value = (await answer.json()) as T & { code?: string; detail?: string };
    if (answer.ok) return value;
    this.access = undefined;
    throw new RecordingError(value.code ?? 'internal', value.detail ?? answer.statusText);
  }
}
