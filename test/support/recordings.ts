/** Controls recordings over the API. */
import { join } from 'node:path';
import type { RecordingInfo, RecordingRequest } from '../../src/protocol/recording-info.js';
import { callApi } from './api.js';
import { type TestServer, waitFor } from './server.js';

export async function record(
  server: TestServer,
  room: string,
  request: RecordingRequest = {},
): Promise<RecordingInfo> {
  const { status, body } = await callApi(server, 'POST', `/rooms/${room}/recordings`, {
    body: request,
  });
  if (status !== 201) throw new Error(`${status}: ${JSON.stringify(body)}`);
  return body;
}

export async function recordingOf(server: TestServer, id: string): Promise<RecordingInfo> {
  return (await callApi(server, 'GET', `/recordings/${id}`)).body;
}

export async function act(
  server: TestServer,
  id: string,
  action: 'pause' | 'resume' | 'stop',
): Promise<RecordingInfo> {
  const { status, body } = await callApi(server, 'POST', `/recordings/${id}/${action}`);
  if (status !== 200) throw new Error(`${status}: ${JSON.stringify(body)}`);
  return body;
}

/** Waits until media is written to the file. */
export function running(server: TestServer, id: string): Promise<RecordingInfo> {
  return waitFor('the recording to run', async () => {
    const found = await recordingOf(server, id);
    return found.status === 'recording' && found;
  });
}

/** Waits until it is finished or has failed. */
export function over(server: TestServer, id: string): Promise<RecordingInfo> {
  return waitFor(
    'the recording to be finished',
    async () => {
      const found = await recordingOf(server, id);
      return (found?.status === 'finished' || found?.status === 'failed') && found;
    },
    60_000,
  );
}

/** The path of one of its files. */
export function pathOf(server: TestServer, { id }: RecordingInfo, file: string): string {
  return join(server.dataDir, 'recordings', id, file);
}

export function mainFile(server: TestServer, recording: RecordingInfo): string {
  return pathOf(server, recording, recording.files[0]?.name ?? 'nothing');
}
