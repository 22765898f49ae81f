/** Starts, stops, lists and plays the recordings of a room, as far as the user's role allows. */

import type { RecordingInfo, RecordingRequest } from '../../src/protocol/recording-info.js';
import type { ServerMessage } from '../../src/protocol/server-messages.js';

/** What the server allows, and the token to do it. Without a token the server needs none. */
type RecordingAccess = Omit<Extract<ServerMessage, { type: 'recordings' }>, 'type'>;

export class RecordingError extends Error {
  constructor(
    /** One of the server's stable error codes. */
    readonly code: string,
    message: string,
  ) {
    super(message);
    this.name = 'RecordingError';
  }
}

/** How long a token is used. Tokens of the server are valid for ten minutes. */
const ACCESS_MS = 300_000;
const ANSWER_MS = 10_000;

export class RoomRecordings {
  private readonly base: string;
  private readonly room: string;
  private access: RecordingAccess | undefined;
  private accessSince = 0;
  private waiting: ((access: RecordingAccess) => void)[] = [];

  /** @param ask sends the server the message `recordings`. The answer goes to `answered`. */
  constructor(
    { url, room }: { readonly url: string; readonly room: string },
    private readonly ask: () => void,
  ) {
    this.base = new URL('v1', url.replace(/^ws/, 'http')).href;
    this.room = room;
  }

  /** @internal The server's answer to `ask`. */
  answered(access: RecordingAccess): void {
    this.access = access;
    this.accessSince = Date.now();
    for (const resolve of this.waiting.splice(0)) resolve(access);
  }

  /** Whether the user may list and play recordings. */
  async mayRead(): Promise<boolean> {
    return (await this.currentAccess()).reads;
  }

  /** Whether the user may start, stop and delete recordings. */
  async mayWrite(): Promise<boolean> {
    return (await this.currentAccess()).writes;
  }

  /** Newest first. */
  list(): Promise<RecordingInfo[]> {
    return this.call('GET', this.roomPath);
  }

  /** @param request what is left out comes from the server's settings. */
  start(request: RecordingRequest = {}): Promise<RecordingInfo> {
    return this.call('POST', this.roomPath, request);
  }

  pause(id: string): Promise<RecordingInfo> {
    return this.call('POST', `/recordings/${id}/pause`);
  }

  resume(id: string): Promise<RecordingInfo> {
    return this.call('POST', `/recordings/${id}/resume`);
  }

  /** The files exist when the status is `finished`. */
  stop(id: string): Promise<RecordingInfo> {
    return this.call('POST', `/recordings/${id}/stop`);
  }

  async delete(id: string): Promise<void> {
    await this.call('DELETE', `/recordings/${id}`);
  }

  /** URL of a file, valid for ten minutes. @param download makes the browser save the file. */
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
