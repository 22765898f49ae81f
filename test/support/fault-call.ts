/**
 * A call with one participant whose media breaks the mixer: one who is seen and heard, one who watches,
 * and one who sends what a test or a benchmark makes.
 */
import { signToken, videoGrantFor } from '../../src/api/access-token.js';
import { RtpClient } from '../../src/bots/rtp-client.js';
import { packetizeH264 } from '../../src/codecs/h264-packetizer.js';
import { packetizeVp8 } from '../../src/codecs/vp8-packetizer.js';
import { makeKey } from '../../src/config/api-keys.js';
import { type ApiAnswer, callApi } from './api.js';
import { Bot } from './bot.js';
import { encodeMoving } from './encoded.js';
import { isColour, tile } from './expect-media.js';
import { faultyBuild } from './faulty-build.js';
import { sleep, TestServer, waitFor } from './server.js';

/** Sizes that a sender changes between. */
export const SWITCHED = [
  [1280, 720],
  [320, 180],
  [960, 540],
  [180, 320],
  [1920, 1080],
  [640, 360],
] as const;

const key = makeKey();

/** A server whose decoders break on marked frames, and an operator's token for it. */
export async function startFaultyServer(): Promise<{
  readonly server: TestServer;
  close(): Promise<void>;
}> {
  const build = faultyBuild();
  const environment = { TESSERA_AUTH_KEYS: `${key.id}:${key.secret}` };
  const server = await TestServer.start(environment, undefined, build.main);
  server.token = await signToken(key, {
    video: { roomList: true, roomAdmin: true },
    seconds: 3600,
  });
  const close = async () => {
    await server.close();
    build[Symbol.dispose]();
  };
  return { server, close };
}

export class FaultCall {
  private sent = 0;
  /** Of a room that an earlier call of this name left behind. */
  private restartsBefore = 0;

  private constructor(
    private readonly server: TestServer,
    readonly room: string,
    private readonly good: Bot,
    readonly eye: Bot,
    readonly bad: RtpClient,
    private readonly codec: 'vp8' | 'h264',
    /** Harmless VP8, of which the first is a keyframe. */
    readonly frames: readonly Buffer[],
  ) {}

  /** Resolves when the one who watches sees and hears the one who sends. */
  static async begin(
    server: TestServer,
    room: string,
    codec: 'vp8' | 'h264' = 'vp8',
  ): Promise<FaultCall> {
    const tokenOf = (identity: string) =>
      signToken(key, { identity, video: videoGrantFor(room, 'participant'), seconds: 3600 });
    const look = { colour: 'green', frequency: 1000 } as const;
    const good = await Bot.join(server, {
      ...{ room, name: 'Good', token: await tokenOf('good') },
      ...look,
    });
    const token = await tokenOf('eye');
    const eye = await Bot.join(server, { room, name: 'Eye', token, viewer: true });
    const bad = await RtpClient.join({
      ...{ url: server.signalUrl, room, name: 'Bad', codec },
      token: await tokenOf('bad'),
    });
    const frames = await encodeMoving('vp8', 30, 30);
    const call = new FaultCall(server, room, good, eye, bad, codec, frames);
    await call.seesAndHears('at the beginning');
    call.restartsBefore = (await call.state()).restarts;
    await eye.report();
    return call;
  }

  async close(): Promise<void> {
    await this.bad.close();
    this.good.kill();
    this.eye.kill();
  }

  /** Sends a frame of each at 30 fps. */
  async send(list: readonly Buffer[]): Promise<void> {
    for (const frame of list) {
      const n = this.sent++;
      const packets = this.codec === 'vp8' ? packetizeVp8(frame, n) : packetizeH264(frame);
      this.bad.sendRtp('video', packets, n * 3000);
      await sleep(33);
    }
  }

  /** Sends what is harmless until it is true. */
  async sendUntil(what: string, check: () => Promise<boolean>): Promise<void> {
    let isOver = false;
    const waiting = waitFor(what, check, 20_000).finally(() => {
      isOver = true;
    });
    // It is awaited below; until then its failure is no unhandled rejection.
    waiting.catch(() => {});
    while (!isOver) await this.send([this.frames[this.sent % this.frames.length] as Buffer]);
    await waiting;
  }

  async seesAndHears(when: string): Promise<void> {
    const { x, y, width, height } = tile(0, 2);
    await waitFor(`green and a tone ${when}`, async () => {
      const colour = await this.eye.colourAt(x + width / 2, y + height / 2);
      return isColour(colour, 'green') && (await this.eye.toneLevel(1000)) > -25;
    });
  }

  /** Of the room, and of the one who breaks it. */
  async state(): Promise<{ restarts: number; trouble: string | undefined; id: string }> {
    const { body } = await this.api('GET', `/rooms/${this.room}/participants`);
    const people = body as { id: string; name: string; trouble?: string }[];
    const bad = people.find(({ name }) => name === 'Bad');
    const room = await this.server.room(this.room);
    return {
      restarts: (room?.counters.media_process_restarts ?? 0) - this.restartsBefore,
      trouble: bad?.trouble,
      id: bad?.id ?? '',
    };
  }

  async hasTrouble(trouble: string | undefined): Promise<boolean> {
    return (await this.state()).trouble === trouble;
  }

  /** Waits until a media process runs. @returns its pid. */
  mediaPid(): Promise<number> {
    return waitFor('a media process', async () => (await this.server.room(this.room))?.mediaPid);
  }

  api(method: string, path: string): Promise<ApiAnswer> {
    return callApi(this.server, method, path, { token: this.server.token });
  }
}
