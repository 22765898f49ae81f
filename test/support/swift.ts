/**
 * OpenStack Swift with its S3 interface, from Debian's packages: a real S3-compatible server on this
 * machine for the time of a test.
 */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir, userInfo } from 'node:os';
import { join } from 'node:path';
import { CreateBucketCommand, S3Client } from '@aws-sdk/client-s3';
import { waitFor } from './server.js';

const ACCESS_KEY = 'test:tester';
const SECRET_KEY = 'testing';
export const BUCKET = 'recordings';

const BACKENDS = ['account', 'container', 'object'] as const;

async function freePorts(count: number): Promise<number[]> {
  const servers = await Promise.all(
    Array.from(
      { length: count },
      () =>
        new Promise<ReturnType<typeof createServer>>((resolve) => {
          const server = createServer();
          server.listen(0, '127.0.0.1', () => resolve(server));
        }),
    ),
  );
  const ports = servers.map((server) => (server.address() as { port: number }).port);
  await Promise.all(servers.map((server) => new Promise((resolve) => server.close(resolve))));
  return ports;
}

export class Swift {
  private processes: ChildProcess[] = [];

  private constructor(
    private readonly folder: string,
    readonly port: number,
    readonly client: S3Client,
  ) {}

  static async start(): Promise<Swift> {
    const folder = mkdtempSync(join(tmpdir(), 'tessera-swift-'));
    const [port = 0, ...backends] = await freePorts(1 + BACKENDS.length);
    const { username: user } = userInfo();
    const common = `bind_ip = 127.0.0.1\nuser = ${user}\nswift_dir = ${folder}\nworkers = 0\n`;
    mkdirSync(join(folder, 'devices', 'one'), { recursive: true });
    writeFileSync(
      join(folder, 'swift.conf'),
      '[swift-hash]\nswift_hash_path_suffix = tessera\n[storage-policy:0]\nname = one\ndefault = yes\n',
    );
    BACKENDS.forEach((name, index) => {
      const ring = (...args: string[]) =>
        execFileSync('swift-ring-builder', [join(folder, `${name}.builder`), ...args]);
      ring('create', '4', '1', '0');
      ring('add', `r1z1-127.0.0.1:${backends[index]}/one`, '1');
      ring('rebalance');
      writeFileSync(
        join(folder, `${name}.conf`),
        `[DEFAULT]\n${common}bind_port = ${backends[index]}\ndevices = ${folder}/devices\nmount_check = false\n` +
          `[pipeline:main]\npipeline = ${name}-server\n[app:${name}-server]\nuse = egg:swift#${name}\n`,
      );
    });
    const filters = ['catch_errors', 'gatekeeper', 'cache', 'listing_formats', 's3api', 'tempauth'];
    filters.push('bulk', 'slo', 'dlo');
    const settings: Record<string, string> = {
      cache: 'memcache',
      tempauth: 'tempauth\nuser_test_tester = testing .admin',
    };
    writeFileSync(
      join(folder, 'proxy.conf'),
      `[DEFAULT]\n${common}bind_port = ${port}\n[pipeline:main]\npipeline = ${filters.join(' ')} proxy-server\n` +
        '[app:proxy-server]\nuse = egg:swift#proxy\nallow_account_management = true\naccount_autocreate = true\n' +
        filters
          .map((name) => `[filter:${name}]\nuse = egg:swift#${settings[name] ?? name}\n`)
          .join(''),
    );
    const client = new S3Client({
      endpoint: `http://127.0.0.1:${port}`,
      region: 'us-east-1',
      forcePathStyle: true,
      credentials: { accessKeyId: ACCESS_KEY, secretAccessKey: SECRET_KEY },
    });
    const swift = new Swift(folder, port, client);
    swift.up();
    await waitFor(
      'Swift',
      () =>
        client.send(new CreateBucketCommand({ Bucket: BUCKET })).then(
          () => true,
          () => false,
        ),
      60_000,
    );
    return swift;
  }

  /** Settings of a server that uses it. */
  get environment(): Record<string, string> {
    return {
      TESSERA_RECORDING_STORE: 's3',
      TESSERA_RECORDING_S3_BUCKET: BUCKET,
      TESSERA_RECORDING_S3_ENDPOINT: `http://127.0.0.1:${this.port}`,
      TESSERA_RECORDING_S3_ACCESS_KEY: ACCESS_KEY,
      TESSERA_RECORDING_S3_SECRET_KEY: SECRET_KEY,
    };
  }

  up(): void {
    const env = { ...process.env, SWIFT_CONF_FILE: join(this.folder, 'swift.conf') };
    this.processes = [...BACKENDS, 'proxy'].map((name) =>
      spawn(`swift-${name}-server`, [join(this.folder, `${name}.conf`)], { stdio: 'ignore', env }),
    );
  }

  /** Stops it; its data stay. */
  async down(): Promise<void> {
    const gone = this.processes.map((one) => new Promise((resolve) => one.once('exit', resolve)));
    for (const one of this.processes) one.kill('SIGKILL');
    await Promise.all(gone);
    this.processes = [];
  }

  async close(): Promise<void> {
    await this.down();
    this.client.destroy();
    rmSync(this.folder, { recursive: true, force: true });
  }
}
