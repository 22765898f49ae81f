/** What attackers send: garbage from a process of its own, and forged DTLS and STUN. */
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { readdir, readFile, readlink } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';

/** @returns how many datagrams were sent. */
export async function flood(
  ports: readonly number[],
  perSecond: number,
  seconds: number,
): Promise<number> {
  const child = fork(
    fileURLToPath(new URL('./flood-process.ts', import.meta.url)),
    [JSON.stringify({ ports, perSecond, seconds })],
    { execArgv: ['--import', 'tsx'] },
  );
  const [{ sent }] = (await once(child, 'message')) as [{ sent: number }];
  child.kill();
  return sent;
}

/** Plaintext DTLS alerts, a ClientHello, records of no known type, and STUN without credentials. */
export function forgedDatagrams(): Buffer[] {
  const record = (type: number, body: number[]) =>
    Buffer.from([type, 0xfe, 0xfd, 0, 0, 0, 0, 0, 0, 0, 9, 0, body.length, ...body]);
  const stun = Buffer.alloc(28);
  stun.writeUInt16BE(0x0001, 0);
  stun.writeUInt16BE(8, 2);
  stun.writeUInt32BE(0x2112a442, 4);
  stun.writeUInt16BE(0x0006, 20);
  stun.writeUInt16BE(4, 22);
  stun.write('ab:c', 24);
  return [
    record(21, [2, 40]),
    record(21, [1, 0]),
    // ClientHello: cut short, and of version 1.2 without anything that could be agreed upon.
    record(22, [1]),
    record(22, [
      1,
      0,
      0,
      38,
      0,
      0,
      0,
      0,
      0,
      0,
      0,
      38,
      0xfe,
      0xfd,
      ...new Array(32).fill(7),
      0,
      0,
      0,
      0,
    ]),
    record(99, [0]),
    stun,
    Buffer.alloc(60, 0x80),
  ];
}

/** UDP ports that a process listens on, from /proc. */
export async function udpPortsOf(pid: number): Promise<number[]> {
  const inodes = new Set<string>();
  for (const fd of await readdir(`/proc/${pid}/fd`)) {
    const link = await readlink(`/proc/${pid}/fd/${fd}`).catch(() => '');
    const inode = /socket:\[(\d+)\]/.exec(link)?.[1];
    if (inode) inodes.add(inode);
  }
  const lines = (await readFile(`/proc/${pid}/net/udp`, 'utf8')).trim().split('\n').slice(1);
  return lines
    .map((line) => line.trim().split(/\s+/))
    .filter((fields) => inodes.has(fields[9] as string))
    .map((fields) => Number.parseInt((fields[1] as string).split(':')[1] as string, 16));
}
