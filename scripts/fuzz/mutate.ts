/** Mutations by bytes, by lines and by the structure of JSON. They never change what they are given. */
import type { Random } from './random.js';

/** Values at which formats break: ends of ranges, signs, lengths. */
const BYTES = [0, 1, 2, 0x0f, 0x10, 0x3f, 0x40, 0x7f, 0x80, 0xbe, 0xc0, 0xfe, 0xff];
const NUMBERS = [
  ...[0, -0, 1, -1, 2, 0.5, 49, 50, 127, 255, 256, 65_535, 65_536, 2 ** 31 - 1, 2 ** 31, 2 ** 32],
  ...[Number.MAX_SAFE_INTEGER, 1e308, -1e308, 1e-320],
];
const STRINGS = [
  '',
  ' ',
  '\0',
  '\u202e',
  '\ud800',
  '\u{1f469}\u200d\u{1f469}\u200d\u{1f467}',
  'e\u0301',
  '__proto__',
  'constructor',
  '../../etc/passwd',
  '..%5c..%5c',
  '%00',
  '{{7*7}}',
  '<script>alert(1)</script>',
  "' or 1=1 --",
  'a'.repeat(65),
  'a'.repeat(5000),
  '\r\nx-injected: 1',
  '9'.repeat(400),
  'NaN',
  'null',
];

/** One to four changes of bytes: flipped, set, cut, inserted, repeated, exchanged. */
export function mutateBytes(random: Random, bytes: Buffer): Buffer {
  let changed: Buffer = Buffer.from(bytes);
  for (let left = 1 + random.int(4); left > 0; left--) changed = changeBytes(random, changed);
  return changed;
}

function changeBytes(random: Random, bytes: Buffer): Buffer {
  const at = random.int(bytes.length + 1);
  const some = random.length(16) + 1;
  switch (random.int(8)) {
    case 0:
      if (at < bytes.length) bytes[at] = (bytes[at] as number) ^ (1 << random.int(8));
      return bytes;
    case 1:
      if (at < bytes.length) bytes[at] = random.pick(BYTES);
      return bytes;
    case 2:
      if (at + 1 < bytes.length) bytes.writeUInt16BE(random.pick([0, 1, 0x7fff, 0xffff]), at);
      return bytes;
    case 3:
      return bytes.subarray(0, at);
    case 4:
      return Buffer.concat([bytes.subarray(0, at), bytes.subarray(at + some)]);
    case 5:
      return Buffer.concat([bytes.subarray(0, at), random.bytes(some), bytes.subarray(at)]);
    case 6: {
      const part = bytes.subarray(at, at + some);
      return Buffer.concat([bytes.subarray(0, at + some), part, bytes.subarray(at + some)]);
    }
    default: {
      const from = random.int(bytes.length + 1);
      bytes.copy(bytes, at, from, Math.min(bytes.length, from + some));
      return bytes;
    }
  }
}

/** Changes lines: left out, repeated, exchanged, cut, their numbers and words replaced. */
export function mutateLines(random: Random, text: string, end = '\r\n'): string {
  const lines = text.split(end);
  for (let left = 1 + random.int(4); left > 0; left--) {
    const at = random.int(lines.length);
    const line = lines[at] ?? '';
    const other = random.int(lines.length);
    switch (random.int(7)) {
      case 0:
        lines.splice(at, 1);
        break;
      case 1:
        lines.splice(other, 0, line);
        break;
      case 2:
        lines[at] = lines[other] ?? '';
        lines[other] = line;
        break;
      case 3:
        lines[at] = line.slice(0, random.int(line.length + 1));
        break;
      case 4:
        lines[at] = line.replace(/\d+/, String(random.pick(NUMBERS)));
        break;
      case 5: {
        const words = line.split(/(?<=[ :=;/])/);
        words[random.int(words.length)] = random.pick([...STRINGS, String(random.pick(NUMBERS))]);
        lines[at] = words.join('');
        break;
      }
      default:
        for (let copies = random.length(40); copies > 0; copies--) lines.splice(other, 0, line);
    }
  }
  return lines.join(end);
}

/** A JSON value with some parts of it replaced, left out, repeated, nested or of another type. */
export function mutateJson(random: Random, value: unknown): unknown {
  if (random.chance(0.15)) return randomJson(random, 3);
  if (Array.isArray(value)) {
    const items = [...value];
    const at = random.int(items.length + 1);
    switch (random.int(4)) {
      case 0:
        return items.filter((_, index) => index !== at);
      case 1:
        return [...items, ...new Array(random.length(60) + 1).fill(items[0] ?? 1)];
      default:
        if (at < items.length) items[at] = mutateJson(random, items[at]);
        return items;
    }
  }
  if (typeof value === 'object' && value !== null) {
    const entries = Object.entries(value);
    const at = random.int(entries.length + 1);
    const entry = entries[at];
    if (!entry || random.chance(0.1)) {
      return Object.fromEntries([...entries, [random.pick(STRINGS), randomJson(random, 2)]]);
    }
    if (random.chance(0.2)) return Object.fromEntries(entries.filter((_, index) => index !== at));
    entries[at] = [entry[0], mutateJson(random, entry[1])];
    return Object.fromEntries(entries);
  }
  if (typeof value === 'string' && random.chance(0.3)) {
    return mutateBytes(random, Buffer.from(value, 'latin1')).toString('latin1');
  }
  if (typeof value === 'number' && random.chance(0.7)) return random.pick(NUMBERS);
  return random.chance(0.6) ? random.pick(STRINGS) : randomJson(random, 2);
}

/** Any JSON value. */
export function randomJson(random: Random, depth: number): unknown {
  switch (random.int(depth > 0 ? 8 : 5)) {
    case 0:
      return random.pick(NUMBERS);
    case 1:
      return random.pick(STRINGS);
    case 2:
      return null;
    case 3:
      return random.chance(0.5);
    case 4:
      return {};
    case 5:
      return Array.from({ length: random.length(20) }, () => randomJson(random, depth - 1));
    default:
      return Object.fromEntries(
        Array.from({ length: 1 + random.int(3) }, () => [
          random.pick(STRINGS),
          randomJson(random, depth - 1),
        ]),
      );
  }
}

/** JSON text: well-formed as a rule, sometimes changed by bytes, now and then nested very deeply. */
export function jsonText(random: Random, value: unknown): Buffer {
  if (random.chance(0.01)) {
    const open = random.pick(['[', '{"a":', '[{"a":']);
    return Buffer.from(open.repeat(1 + random.length(60_000 / open.length)));
  }
  const text = Buffer.from(JSON.stringify(value) ?? 'null');
  return random.chance(0.15) ? mutateBytes(random, text) : text;
}

/** A word that is likely to be handled wrongly somewhere. */
export function oddString(random: Random): string {
  return random.pick(STRINGS);
}
