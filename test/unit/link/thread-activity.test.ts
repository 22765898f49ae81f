import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { expect, test } from 'vitest';
import { threadActivity } from '../../../src/link/thread-activity.js';

test.runIf(process.platform === 'linux')(
  'a process that runs, is stopped, and is gone',
  async () => {
    const child = spawn(process.execPath, ['-e', 'for (;;);'], { stdio: 'ignore' });
    const pid = child.pid as number;
    const cpu = () => threadActivity(pid)?.cpuMicros ?? 0;
    while (cpu() < 50_000) await new Promise((resolve) => setTimeout(resolve, 20));
    child.kill('SIGSTOP');
    while (threadActivity(pid)?.state !== 'T')
      await new Promise((resolve) => setTimeout(resolve, 5));
    const stopped = cpu();
    expect(cpu()).toBe(stopped);
    child.kill('SIGKILL');
    await once(child, 'exit');
    expect(threadActivity(pid)).toBeUndefined();
  },
);
