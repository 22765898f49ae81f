/** Estimates how many people this machine can mix, with a server of its own and ten seconds of load. */
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { availableParallelism, tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { Replay } from '../bots/replay.js';
import type { RtpClient } from '../bots/rtp-client.js';
import { encodeTestPattern } from '../bots/test-pattern.js';
import type { CliContext } from './context.js';
import { bringIn, nameOf } from './people.js';

const MAIN = fileURLToPath(new URL('../main.js', import.meta.url));
/** People in the room in each measurement. */
const STEPS = [2, 6] as const;
const MEASURE_MS = 3500;
const SETTLE_MS = 1000;
/** Share of all cores; the rest is reserve. */
const USABLE = 0.75;

interface Stats {
  readonly cpu: NodeJS.CpuUsage;
  readonly rooms: readonly { readonly counters: Readonly<Record<string, number>> }[];
}

export interface MachineEstimate {
  /** Participants of one room at 1280x720 that the machine has CPU for. */
  readonly participants: number;
  /** Cores that a room costs, and each participant in it. */
  readonly roomCores: number;
  readonly participantCores: number;
}

async function startServer(
  dataDir: string,
  environment: CliContext['environment'],
): Promise<{ child: ChildProcess; url: string }> {
  const flags = ['--port', '0', '--host', '127.0.0.1', '--log-level', 'silent', '--tls', 'off'];
  const limits = ['--data-dir', dataDir, '--server-drain-seconds', '0', '--auth-keys', ''];
  const child = spawn(process.execPath, [MAIN, 'serve', ...flags, ...limits], {
    stdio: ['ignore', 'pipe', 'ignore'],
    // Only with the settings of this command line.
    env: Object.fromEntries(
      Object.entries(environment).filter(([name]) => !name.startsWith('TESSERA_')),
    ),
    cwd: dataDir,
  });
  const url = await new Promise<string>((resolve, reject) => {
    let text = '';
    child.stdout?.on('data', (chunk: Buffer) => {
      text += chunk.toString();
      const found = /Open (\S+?)\/\?room/.exec(text)?.[1];
      if (found) resolve(found);
    });
    child.once('exit', () => reject(new Error(`the server did not start: ${text}`)));
  });
  return { child, url };
}

/** CPU seconds that the server and its media process have used. */
async function cpuSeconds(url: string): Promise<number> {
  const { cpu, rooms } = (await (await fetch(`${url}/stats`)).json()) as Stats;
  const media = rooms.reduce((sum, { counters }) => sum + (counters.cpu_micros ?? 0), 0);
  return (cpu.user + cpu.system + media) / 1e6;
}

export async function estimateMachine(
  environment: CliContext['environment'],
): Promise<MachineEstimate> {
  const dataDir = await mkdtemp(join(tmpdir(), 'tessera-doctor-'));
  const { child, url } = await startServer(dataDir, environment);
  const replay = new Replay();
  const clients: RtpClient[] = [];
  const people = { url, room: 'doctor', key: undefined };
  try {
    const pattern = await encodeTestPattern('Doctor', 0);
    const cores: number[] = [];
    clients.push(await bringIn(people, 'Viewer', 'viewer', true));
    for (const count of STEPS) {
      while (clients.length <= count) {
        const client = await bringIn(people, nameOf(clients.length), 'participant', false);
        clients.push(client);
        replay.add(client, pattern);
      }
      await sleep(SETTLE_MS);
      const before = await cpuSeconds(url);
      const start = performance.now();
      await sleep(MEASURE_MS);
      const used = (await cpuSeconds(url)) - before;
      cores.push((used * 1000) / (performance.now() - start));
    }
    const [few = 0, many = 0] = cores;
    const participantCores = Math.max(0.005, (many - few) / (STEPS[1] - STEPS[0]));
    const roomCores = Math.max(0, few - participantCores * STEPS[0]);
    const usable = availableParallelism() * USABLE;
    const participants = Math.max(0, Math.floor((usable - roomCores) / participantCores));
    return { participants, roomCores, participantCores };
  } finally {
    replay.stop();
    await Promise.all(clients.map((client) => client.close()));
    const gone = new Promise((resolve) => child.once('exit', resolve));
    child.kill();
    await gone;
    await rm(dataDir, { recursive: true, force: true });
  }
}
