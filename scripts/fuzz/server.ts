/** The built server that is fuzzed, with keys: a room for the call, another for what hosts and admins break. */
import { fileURLToPath } from 'node:url';
import { signToken, type VideoGrant, videoGrantFor } from '../../src/api/access-token.js';
import { makeKey } from '../../src/config/api-keys.js';
import type { Role } from '../../src/protocol/participants.js';
import { sleep, TestServer } from '../../test/support/server.js';

/** The room of the innocents. Nobody who fuzzes may change it: they are participants there. */
export const CALL = 'call';
/** The room in which fuzzed requests of hosts and admins may do everything. */
export const WORKSHOP = 'workshop';

/** Names of the innocents, which are their identities. */
export const INNOCENTS = ['one', 'two', 'three'] as const;

/** Where their tiles are; the last quarter is for anybody else. */
const REGIONS = INNOCENTS.map((identity, index) => ({
  x: (index % 2) / 2,
  y: Math.floor(index / 2) / 2,
  width: 0.5,
  height: 0.5,
  role: 'participant',
  identity,
}));

const KEY = makeKey('fuzz');
const TOKEN_SECONDS = 86_400;
const COLLECTED_MS = 1000;

/** A small picture: three clients decode it beside the server. */
const SETTINGS = {
  TESSERA_AUTH_KEYS: `${KEY.id}:${KEY.secret}`,
  TESSERA_VIDEO_WIDTH: '640',
  TESSERA_VIDEO_HEIGHT: '360',
  TESSERA_VIDEO_RENDITIONS: '640x360@30:500',
  TESSERA_VIDEO_CODECS: 'vp8',
  TESSERA_SERVER_MAX_ROOMS: '6',
  TESSERA_ROOM_EMPTY_SECONDS: '5',
  TESSERA_LOG_LEVEL: 'warn',
  NODE_OPTIONS: `--import ${fileURLToPath(new URL('./collect-on-signal.mjs', import.meta.url))}`,
};

export interface FuzzStats {
  readonly rooms: readonly {
    readonly id: string;
    readonly mediaPid?: number;
    readonly counters: Readonly<Record<string, number>>;
  }[];
  /** Bytes. */
  readonly memory: { readonly rss: number; readonly heapUsed: number; readonly external: number };
}

function token(video: VideoGrant, identity?: string): Promise<string> {
  return signToken(KEY, { identity, video, seconds: TOKEN_SECONDS });
}

export class FuzzServer {
  private constructor(
    readonly server: TestServer,
    /** May do everything in the workshop, list rooms and make them. */
    readonly adminToken: string,
    private readonly everythingToken: string,
  ) {}

  static async start(): Promise<FuzzServer> {
    const server = await TestServer.start(SETTINGS);
    const lists = { roomCreate: true, roomList: true, roomAdmin: true };
    const [admin, everything] = await Promise.all([
      token({ ...lists, ...videoGrantFor(WORKSHOP, 'host'), roomRecord: true }),
      token(lists),
    ]);
    const fuzzed = new FuzzServer(server, admin, everything);
    const custom = {
      regions: [...REGIONS, { ...REGIONS[0], x: 0.5, y: 0.5, identity: undefined }],
    };
    await fuzzed.makeRoom({
      name: CALL,
      layout: 'custom',
      customLayout: custom,
      emptySeconds: 3600,
    });
    return fuzzed;
  }

  /** A token for somebody in a room. */
  tokenFor(room: string, role: Role, identity?: string): Promise<string> {
    return token(videoGrantFor(room, role), identity);
  }

  /** The workshop, which fuzzed requests may have ended. */
  async openWorkshop(): Promise<void> {
    await this.makeRoom({ name: WORKSHOP, emptySeconds: 3600 }, 409);
  }

  async stats(): Promise<FuzzStats> {
    const response = await fetch(`${this.server.url}/stats`, { headers: this.authorized });
    return (await response.json()) as FuzzStats;
  }

  /** Collects the server's garbage. It holds up the call for a moment. */
  async collectGarbage(): Promise<void> {
    process.kill(this.server.pid, 'SIGWINCH');
    await sleep(COLLECTED_MS);
  }

  /** The API's own description. */
  async openApi(): Promise<unknown> {
    return (await fetch(`${this.server.url}/docs/json`)).json();
  }

  get hostAndPort(): { readonly host: string; readonly port: number } {
    const { hostname, port } = new URL(this.server.url);
    return { host: hostname, port: Number(port) };
  }

  private get authorized(): { readonly authorization: string } {
    return { authorization: `Bearer ${this.everythingToken}` };
  }

  /** @param orStatus that is as good as success. */
  private async makeRoom(body: object, orStatus = 201): Promise<void> {
    for (let tries = 0; ; tries++) {
      const { status } = await fetch(`${this.server.url}/v1/rooms`, {
        method: 'POST',
        headers: { ...this.authorized, 'content-type': 'application/json' },
        body: JSON.stringify(body),
      });
      if (status === 201 || status === orStatus) return;
      // Rooms that fuzzed requests made end when they are empty.
      if (tries > 20) throw new Error(`no room could be made: status ${status}`);
      await sleep(1000);
    }
  }
}
