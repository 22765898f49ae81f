/** `tessera doctor`: whether a server with this configuration works here, and for how many people. */
import { availableParallelism } from 'node:os';
import type { Command } from 'commander';
import { TesseraError } from '../errors.js';
import { type CliContext, configWithFaults, withSettings } from './context.js';
import { estimateMachine } from './doctor-benchmark.js';
import {
  checkAddresses,
  checkClock,
  checkEncoders,
  checkIceServers,
  checkPorts,
  checkRecordings,
  checkSettings,
  type Finding,
} from './doctor-checks.js';
import { checkResources } from './doctor-resources.js';

const SIGNS = { ok: 'ok     ', warning: 'warning', fault: 'FAULT  ' } as const;

async function benchmark({ environment }: CliContext): Promise<Finding> {
  try {
    const { participants, roomCores, participantCores } = await estimateMachine(environment);
    const each = `${(participantCores * 100).toFixed(0)} % of a core each`;
    const base = `${(roomCores * 100).toFixed(0)} % for the room`;
    const text = `about ${participants} participants at 720p on ${availableParallelism()} cores (${each}, ${base})`;
    return { check: 'capacity', state: 'ok', text };
  } catch (error) {
    return { check: 'capacity', state: 'fault', text: TesseraError.from(error).message };
  }
}

export function addDoctor(program: Command, context: CliContext): void {
  const command = program
    .command('doctor')
    .description(
      'check encoders, disks, memory, ports, addresses, TURN, clock, and how many people fit',
    )
    .option('--json', 'as JSON')
    .option('--no-benchmark', 'skip the measurement');
  withSettings(command).action(async () => {
    const options = command.opts<{ json?: boolean; benchmark: boolean }>();
    const read = configWithFaults(command, context);
    const { config } = read;
    const findings: Finding[] = [];
    const add = (...found: Finding[]) => {
      findings.push(...found);
      if (options.json) return;
      for (const { state, check, text } of found) {
        console.log(`${SIGNS[state]} ${check.padEnd(12)} ${text}`);
      }
    };
    add(checkSettings(read), checkEncoders(config));
    add(await checkRecordings(config), ...(await checkResources(config)));
    add(...(await checkPorts(config)), checkAddresses(config));
    add(...(await checkIceServers(config)), await checkClock(config));
    if (options.benchmark) {
      if (!options.json) console.error('Measuring for ten seconds…');
      add(await benchmark(context));
    }
    if (options.json) console.log(JSON.stringify(findings, null, 2));
    const faults = findings.filter(({ state }) => state === 'fault');
    if (faults.length > 0) {
      const names = faults.map(({ check }) => check).join(', ');
      throw new TesseraError('bad_config', `this will not work: ${names}`, {
        next: 'Mend what is marked FAULT above, then run it again.',
      });
    }
  });
}
