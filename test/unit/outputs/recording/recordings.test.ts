import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import type { EgressCommand, EgressEvent } from '../../../../src/link/egress-messages.js';
import {
  Recordings,
  type RecordingsOptions,
} from '../../../../src/outputs/recording/recordings.js';
import type { RecordingStatus } from '../../../../src/protocol/recording-status.js';
import { nowMicros } from '../../../../src/util/clock.js';
import { FakeLauncher, FakeRoom } from '../../../support/fake-egress.js';
import { silentLogger } from '../../../support/members.js';

let folder: string;
let recordings: Recordings;
let launcher: FakeLauncher;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'tessera-recordings-'));
  launcher = new FakeLauncher(answer);
  recordings = create();
});
afterEach(async () => {
  await recordings.close();
  rmSync(folder, { recursive: true, force: true });
});

function create(change: Partial<RecordingsOptions> = {}): Recordings {
  return new Recordings(
    {
      folder,
      format: 'mp4',
      audioCodec: 'opus',
      audioBitrateBps: 96_000,
      announce: 'tone',
      automatic: false,
      minFreeBytes: 0,
      keyframeMs: 0,
      retention: { maxAgeMs: 0, maxBytes: 0 },
      s3: undefined,
      ...change,
    },
    launcher,
    silentLogger,
  );
}

/** An egress process that writes and finishes at once. */
function answer(command: EgressCommand): EgressEvent | undefined {
  if (command.type === 'record') {
    return { type: 'running', anchor: { clock: nowMicros(), file: 0 } };
  }
  if (command.type === 'stop') return { type: 'stopped', durationMicros: 5_000_000 };
  if (command.type !== 'finish') return undefined;
  writeFileSync(command.output, 'media');
  return { type: 'finished', durationMicros: 5_000_000 };
}

const reaches = (id: string, status: RecordingStatus) =>
  vi.waitFor(() => expect(recordings.archive.info(id).status).toBe(status), 5000);

test('on, paused, on again, off; then the files are there', async () => {
  const room = new FakeRoom('1');
  const { id } = await recordings.record(room, {});
  await reaches(id, 'recording');
  expect(room.egress.recording).toBe('on');
  expect(room.outputs.size).toBe(1);
  await recordings.pause(id);
  expect(room.egress.recording).toBe('paused');
  expect(room.outputs.size).toBe(0);
  await recordings.resume(id);
  expect(room.egress.recording).toBe('on');
  expect(recordings.stop(id).status).toBe('recording');
  await reaches(id, 'finished');
  expect(room.egress.recording).toBe('off');
  expect(room.announced).toEqual(['started', 'stopped']);
  expect(recordings.archive.info(id)).toMatchObject({
    durationMs: 5000,
    files: [{ name: 'composite.mp4', bytes: 5 }, { name: 'timeline.json' }],
  });
  expect(recordings.snapshot()).toMatchObject({
    recordings_started: 1,
    recordings_finished: 1,
    recordings_active: 0,
  });
  expect(() => recordings.stop(id)).toThrow(expect.objectContaining({ code: 'recording_over' }));
  await recordings.archive.delete(id);
  expect(recordings.archive.list()).toEqual([]);
});

test('one recording per room, and none is deleted while it runs', async () => {
  const room = new FakeRoom('1');
  const [first, second] = await Promise.allSettled([
    recordings.record(room, {}),
    recordings.record(room, {}),
  ]);
  expect(first.status).toBe('fulfilled');
  expect(second).toMatchObject({ reason: { code: 'recording_exists' } });
  const [{ id } = { id: '' }] = recordings.archive.list();
  await expect(recordings.archive.delete(id)).rejects.toMatchObject({ code: 'recording_busy' });
  await recordings.record(new FakeRoom('2'), {});
});

test('a process that dies is replaced by one that writes the next segment', async () => {
  const room = new FakeRoom('1');
  const { id } = await recordings.record(room, {});
  await reaches(id, 'recording');
  launcher.latest.crash();
  await vi.waitFor(() => expect(launcher.processes).toHaveLength(2));
  await vi.waitFor(() => expect(launcher.latest.commands).toHaveLength(1));
  expect(launcher.latest.commands).toMatchObject([
    { type: 'record', path: join(folder, id, 'composite-2.mp4.part'), continues: { file: 0 } },
  ]);
  expect(recordings.snapshot().recording_process_restarts).toBe(1);
});

test('a full disk fails the recording, which keeps what was written', async () => {
  const room = new FakeRoom('1');
  const { id } = await recordings.record(room, {});
  await reaches(id, 'recording');
  launcher.latest.emit({ type: 'fault', code: 'disk_full', message: 'no space left' });
  await reaches(id, 'failed');
  expect(recordings.archive.info(id)).toMatchObject({ error: { code: 'disk_full' } });
  expect(recordings.archive.info(id).files).not.toEqual([]);
  expect(recordings.snapshot()).toMatchObject({ recordings_failed: 1, recordings_disk_full: 1 });
});

test('a room ends its recording; a first participant starts an automatic one', async () => {
  recordings = create({ automatic: true });
  const room = new FakeRoom('1');
  recordings.follow(room);
  const joined = { type: 'joined', participant: {}, hidden: false } as unknown as Parameters<
    FakeRoom['updates']['publish']
  >[0];
  room.updates.publish(joined);
  await vi.waitFor(() => expect(room.egress.recording).toBe('on'));
  const [{ id } = { id: '' }] = recordings.archive.list();
  room.end();
  await reaches(id, 'finished');
  // A recording that was stopped stays stopped.
  room.updates.publish(joined);
  expect(recordings.archive.list()).toHaveLength(1);
});

test('a file that is not there, and a recording that is not there', () => {
  expect(() => recordings.archive.info('no')).toThrow(
    expect.objectContaining({ code: 'recording_not_found' }),
  );
  expect(() => recordings.archive.fileOf('no', 'x')).toThrow(
    expect.objectContaining({ code: 'recording_not_found' }),
  );
});
