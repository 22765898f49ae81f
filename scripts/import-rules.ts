/**
 * The import boundaries of `src` and `client`: one allow-table, from which the linter's rules are
 * made. `npm run lint:rules` writes them into `.biome.json`; the docs check fails when they differ.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const CONFIG = fileURLToPath(new URL('../.biome.json', import.meta.url));

/** What each folder of `src` may import besides itself and `errors.ts`, `logger.ts`. */
const ALLOWED: Readonly<Record<string, readonly string[]>> = {
  util: [],
  protocol: [],
  rtp: ['protocol', 'util'],
  codecs: ['protocol', 'rtp', 'util'],
  link: ['protocol', 'rtp', 'util'],
  receive: ['codecs', 'protocol', 'rtp', 'util'],
  send: ['rtp', 'util'],
  peer: ['codecs', 'protocol', 'rtp', 'util'],
  mixer: ['codecs', 'link', 'protocol', 'rtp', 'util'],
  egress: ['codecs', 'link', 'protocol', 'rtp', 'util'],
  rooms: ['codecs', 'link', 'peer', 'protocol', 'receive', 'rtp', 'send', 'util'],
  captures: ['protocol', 'rooms', 'rtp', 'util'],
  outputs: ['link', 'protocol', 'rooms', 'util'],
  config: ['protocol', 'util'],
  signalling: ['protocol', 'rooms', 'util'],
  api: ['captures', 'config', 'outputs', 'protocol', 'rooms', 'util'],
  whip: ['api', 'peer', 'protocol', 'rooms', 'util'],
  resources: ['protocol', 'util'],
  metrics: ['resources', 'rooms', 'util'],
  replay: ['captures', 'codecs', 'link', 'mixer', 'peer', 'protocol', 'receive', 'rtp', 'util'],
  bots: ['codecs', 'mixer', 'peer', 'protocol', 'util'],
  cli: [
    ...[
      'api',
      'bots',
      'captures',
      'codecs',
      'config',
      'protocol',
      'replay',
      'resources',
      'rooms',
      'rtp',
      'util',
    ],
  ],
};

/** Packages that one folder alone may import. */
const PACKAGES: Readonly<Record<string, string>> = {
  werift: 'src/peer',
  'node-av': 'src/codecs/ffmpeg',
  'libopus-wasm': 'src/codecs/opus',
};

/** Folders that may import these packages only. The other folders may import any. */
const ONLY_PACKAGES: Readonly<Record<string, readonly string[]>> = {
  protocol: ['@sinclair/typebox'],
};

/** Folders of `src` that load native codecs; the server process runs none of them. */
const LOADS_CODECS: readonly string[] = ['mixer', 'egress', 'bots', 'cli'];
/** Folders inside of `codecs` that load one. */
const NATIVE_CODECS = ['ffmpeg', 'opus'];

interface Override {
  readonly includes: readonly string[];
  readonly linter: object;
}

/** Paths of native codecs as files of this folder would write them; none if it may load them. */
function nativePaths(folder: string, isNative: boolean): string[] {
  const seesCodecs = folder === 'codecs' || ALLOWED[folder]?.includes('codecs');
  if (!seesCodecs || isNative || LOADS_CODECS.includes(folder)) return [];
  return NATIVE_CODECS.map((name) =>
    folder === 'codecs' ? `**/${name}/**` : `**/codecs/${name}/**`,
  );
}

function restriction(
  includes: readonly string[],
  folder: string,
  paths: readonly string[],
  isNative = false,
) {
  const allowed = ALLOWED[folder] ?? [];
  const forbidden = Object.keys(ALLOWED).filter(
    (other) => other !== folder && !allowed.includes(other),
  );
  const names = allowed.length > 0 ? allowed.join(', ') : 'no other folder';
  const only = ONLY_PACKAGES[folder];
  const native = nativePaths(folder, isNative);
  return {
    includes,
    linter: {
      rules: {
        style: {
          noRestrictedImports: {
            level: 'error',
            options: {
              paths: Object.fromEntries(
                Object.entries(PACKAGES)
                  .filter(([name]) => paths.includes(name))
                  .map(([name, place]) => [name, `Only ${place}/ may import ${name}.`]),
              ),
              patterns: [
                {
                  group: forbidden.map((other) => `**/${other}/**`),
                  message: `src/${folder}/ may import ${names}. The table is scripts/import-rules.ts.`,
                },
                ...(native.length > 0
                  ? [{ group: native, message: 'The server process loads no native codec.' }]
                  : []),
                ...(only
                  ? [
                      {
                        group: ['**', '!./**', ...only.map((name) => `!${name}`)],
                        message: `src/${folder}/ may import ${only.join(', ')} and its own files only.`,
                      },
                    ]
                  : []),
              ],
            },
          },
        },
      },
    },
  };
}

function overridesOfImports(): Override[] {
  const packages = Object.keys(PACKAGES);
  return Object.keys(ALLOWED).flatMap((folder) => {
    const here = `src/${folder}`;
    const owned = packages.filter((name) => PACKAGES[name]?.startsWith(here));
    const inner = owned.filter((name) => PACKAGES[name] !== here);
    const others = packages.filter((name) => PACKAGES[name] !== here);
    const rules = [restriction([`${here}/**`], folder, others)];
    // The folder inside of this one that has a package to itself.
    for (const name of inner) {
      const rest = packages.filter((other) => other !== name);
      rules.push(restriction([`${PACKAGES[name]}/**`], folder, rest, true));
    }
    return rules;
  });
}

function isRule({ linter }: Override): boolean {
  return JSON.stringify(linter).includes('"noRestrictedImports"');
}

/** The linter's configuration with the rules of the table in it. */
export function linterConfig(): string {
  const config = JSON.parse(readFileSync(CONFIG, 'utf8')) as { overrides: Override[] };
  const others = config.overrides.filter((override) => !isRule(override));
  const client = {
    includes: ['client/**'],
    linter: {
      rules: {
        style: {
          noRestrictedImports: {
            level: 'error',
            options: {
              patterns: [
                {
                  group: ['**/src/**', '!**/src/protocol/**'],
                  message: 'The client may import src/protocol/ only.',
                },
              ],
            },
          },
        },
      },
    },
  };
  config.overrides = [...overridesOfImports(), client, ...others];
  return `${JSON.stringify(config, null, 2)}\n`;
}

/** Whether the rules in `.biome.json` are those of the table; layout of the file is the formatter's. */
export function linterConfigIsCurrent(): boolean {
  const now: unknown = JSON.parse(readFileSync(CONFIG, 'utf8'));
  return JSON.stringify(now) === JSON.stringify(JSON.parse(linterConfig()));
}

if (process.argv[1] === import.meta.filename && process.argv.includes('--write')) {
  writeFileSync(CONFIG, linterConfig());
}
