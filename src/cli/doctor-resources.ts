/** What `tessera doctor` finds about resources that can run out: disks, memory, descriptors, UDP buffers. */
import { constants } from 'node:fs';
import { access } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import type { ServerConfig } from '../config/server-config.js';
import {
  descriptors,
  diskSpace,
  existingFolder,
  type Measurement,
  maxReceiveBuffer,
  memory,
} from '../resources/measurements.js';
import { WANTED_RECEIVE_BUFFER } from '../resources/resource-monitor.js';
import { isLow, RESOURCES, type ResourceName } from '../resources/resources.js';
import type { ReadText } from '../util/control-groups.js';
import { type Finding, finding } from './doctor-checks.js';

/** Sockets of a participant: signalling, and media on each network of the machine. */
const DESCRIPTORS_PER_PERSON = 4;
/** Of the server without anybody in it. */
const DESCRIPTORS_OF_SERVER = 100;

const NAMES = {
  descriptors: 'open files',
  memory: 'memory',
  data_disk: 'data disk',
  temporary_disk: 'temp disk',
} as const satisfies Record<ResourceName, string>;

/** Without what cannot be read here. @param read files of the system; the machine's by default. */
export async function checkResources(config: ServerConfig, read?: ReadText): Promise<Finding[]> {
  const { rooms } = config;
  const measured: readonly (readonly [ResourceName, Measurement | undefined])[] = [
    ['data_disk', await diskSpace(rooms.dataDir)],
    ['temporary_disk', await diskSpace(tmpdir())],
    ['memory', memory(read)],
    ['descriptors', await descriptors(read)],
  ];
  const findings = measured.flatMap(([name, one]) => (one ? judge(name, one, config) : []));
  return [await checkDataDir(config), ...findings, checkReceiveBuffer(read)];
}

function judge(name: ResourceName, measured: Measurement, { rooms }: ServerConfig): Finding {
  const { text, next } = RESOURCES[name].describe(measured);
  if (isLow(name, measured, rooms)) return finding(NAMES[name], 'warning', `${text}. ${next}`);
  const wanted = DESCRIPTORS_OF_SERVER + DESCRIPTORS_PER_PERSON * rooms.defaults.maxParticipants;
  if (name === 'descriptors' && measured.limit < wanted) {
    const people = `${rooms.defaults.maxParticipants} people may need ${wanted}`;
    return finding(NAMES[name], 'warning', `${text}; ${people}. ${next}`);
  }
  return finding(NAMES[name], 'ok', text);
}

async function checkDataDir({ rooms }: ServerConfig): Promise<Finding> {
  const place = existingFolder(rooms.dataDir);
  try {
    await access(place, constants.W_OK);
    return finding('data folder', 'ok', `${place} can be written to`);
  } catch {
    return finding('data folder', 'fault', `${place} cannot be written to: set data.dir`);
  }
}

function checkReceiveBuffer(read?: ReadText): Finding {
  const check = 'UDP buffers';
  const bytes = maxReceiveBuffer(read);
  if (bytes === undefined) return finding(check, 'ok', 'how large they may be is unknown here');
  if (bytes >= WANTED_RECEIVE_BUFFER) return finding(check, 'ok', `up to ${bytes} bytes`);
  const text = `up to ${bytes} bytes: bursts of packets get lost; sysctl net.core.rmem_max=${WANTED_RECEIVE_BUFFER}`;
  return finding(check, 'warning', text);
}
