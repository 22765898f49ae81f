/** The npm package of the SDK: packed, installed without a registry, imported and type-checked. */
import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, test } from 'vitest';

const run = promisify(execFile);
const ROOT = fileURLToPath(new URL('../..', import.meta.url));

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'tessera-sdk-'));
  const pack = ['pack', '--silent', '--pack-destination', folder];
  const { stdout } = await run('npm', pack, { cwd: join(ROOT, 'dist/sdk') });
  await writeFile(join(folder, 'package.json'), '{ "private": true, "type": "module" }');
  const install = ['install', '--offline', '--no-audit', '--no-fund', stdout.trim()];
  await run('npm', install, { cwd: folder });
});
afterAll(() => rm(folder, { recursive: true, force: true }));

/** Runs the compiler over a page that uses the package. @returns its messages. */
async function faultsOf(source: string): Promise<string> {
  await writeFile(join(folder, 'page.ts'), source);
  const tsc = join(ROOT, 'node_modules/typescript/bin/tsc');
  const options = ['--noEmit', '--strict', '--module', 'nodenext', '--lib', 'es2023,dom'];
  try {
    await run(process.execPath, [tsc, ...options, 'page.ts'], { cwd: folder });
    return '';
  } catch (error) {
    return (error as { stdout: string }).stdout;
  }
}

test('the code can be imported, and exports what the served sdk.js exports', async () => {
  const script = "console.log(Object.keys(await import('@tessera/sdk')).sort().join(' '))";
  await writeFile(join(folder, 'names.js'), script);
  const { stdout } = await run(process.execPath, ['names.js'], { cwd: folder });
  expect(stdout.trim()).toBe('OwnTile ReceiveLimiter RecordingError Room TileButtons');
  const served = await readFile(join(ROOT, 'dist/client/sdk.js'), 'utf8');
  expect(served).toBe(await readFile(join(ROOT, 'dist/sdk/index.js'), 'utf8'));
});

test('the types stand alone, and fit the code of the README', async () => {
  const types = await readFile(join(folder, 'node_modules/@tessera/sdk/index.d.ts'), 'utf8');
  expect(types).not.toMatch(/^import|from '|: any\b/m);
  const faults = await faultsOf(`
    import { OwnTile, ReceiveLimiter, Room, TileButtons, type LayoutDescription } from '@tessera/sdk';
    declare const video: HTMLVideoElement;
    const room: Room = await Room.connect({ url: 'wss://a/signal', room: 'demo', token: async () => 't' });
    video.srcObject = room.stream;
    room.on('participants', (people) => people.map(({ name, role }) => [name.length, role === 'host']));
    room.on('layout', ({ layout }: { layout: LayoutDescription }) => layout.regions[0]?.participant);
    room.on('error', ({ code }) => code === 'room_full');
    room.moderate({ action: 'layout', mode: 'custom', custom: { regions: [
      { x: 0, y: 0, width: 1, height: 1, role: 'speaker' } ] } });
    await room.recordings.start({ format: 'mp4' });
    new OwnTile(room, video, video).stop();
    new TileButtons(room, video, document.body, { onActivate: ({ source }) => source === 'camera' });
    new ReceiveLimiter(room, video).dataSaver = true;
  `);
  expect(faults).toBe('');
});

test('the types refuse what the server would refuse', async () => {
  const faults = await faultsOf(`
    import type { Room } from '@tessera/sdk';
    declare const room: Room;
    room.moderate({ action: 'layout', mode: 'spiral' });
    room.on('participant', () => {});
    await room.recordings.start({ format: 'avi' });
  `);
  expect(faults.match(/error TS/g)).toHaveLength(3);
});
