/**
 * The load generator's process: people who replay the fixtures through real peer connections and count
 * what comes back, undecoded and undecrypted. It encodes nothing. Driven by `load.ts`.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { RtpClient } from '../../src/bots/rtp-client.js';
import { packetizeVp8 } from '../../src/codecs/vp8-packetizer.js';
import { coversTile } from '../../src/protocol/tile-geometry.js';
import { FRAME_MICROS, LAYERS, type LayerName, LOOP_FRAMES, loadFixtures } from '../fixtures.js';
import type { LoadOrder, LoadReport, PersonReport } from './load.js';
import { talks } from './turns.js';

const TICK_MS = 2;
const AUDIO_MICROS = 20_000;
/** Sound that comes later than this after the quickest of the last seconds was waited for in vain. */
const LATE_MS = 80;
const VIDEO_PAYLOAD_TYPE = 96;
const RID_EXTENSION = 10;
/** As the page does: what the server can do without is sent for so long after. */
const SWITCH_OFF_MS = 4000;
/** In silence, encoders with DTX send a packet so often (RFC 6716, 2.1.9). */
const DTX_FRAMES = 20;

const nowMicros = () => Number(process.hrtime.bigint() / 1000n);
const fixtures = await loadFixtures();
/** RTP payloads of each frame, by layer. */
const payloads = Object.fromEntries(
  Object.entries(fixtures.video).map(([layer, frames]) => [
    layer,
    frames.map((data, index) => packetizeVp8(data, index)),
  ]),
) as Record<LayerName, Buffer[][]>;

/** What came of one of a person's streams, and when. */
class Meter {
  packets = 0;
  lost = 0;
  late = 0;
  frames = 0;
  longestGapMs = 0;
  private lastFrameAt = 0;
  private sequence: number | undefined;
  private fastest = Number.POSITIVE_INFINITY;

  packet(data: Buffer, clockRate: number, isVideo: boolean): void {
    const now = performance.now();
    this.packets++;
    const sequence = data.readUInt16BE(2);
    const ahead = this.sequence === undefined ? 1 : (sequence - this.sequence) & 0xffff;
    if (ahead < 0x8000) {
      this.lost += ahead - 1;
      this.sequence = sequence;
    } else this.lost--;
    if (!isVideo) {
      const transit = now - (data.readUInt32BE(4) / clockRate) * 1000;
      this.fastest = Math.min(this.fastest, transit);
      if (transit - this.fastest > LATE_MS) this.late++;
    } else if ((data[1] as number) & 0x80) {
      this.frames++;
      if (this.lastFrameAt) this.longestGapMs = Math.max(this.longestGapMs, now - this.lastFrameAt);
      this.lastFrameAt = now;
    }
  }

  reset(): void {
    this.packets = this.lost = this.late = this.frames = this.longestGapMs = 0;
    this.fastest = Number.POSITIVE_INFINITY;
  }
}

interface Person {
  readonly client: RtpClient;
  readonly order: LoadOrder;
  /** Place among all, for their turn to talk and their phase. */
  readonly index: number;
  readonly ssrcs: readonly number[];
  readonly sequences: number[];
  /** Until when each layer is sent, of performance.now(); those that are used without end. */
  readonly sentUntil: number[];
  readonly audio: Meter;
  readonly video: Meter;
  readonly joinMs: number;
  nextVideo: number;
  nextAudio: number;
}

const people: Person[] = [];
const failures: string[] = [];
const start = nowMicros();
let wanted = 0;

/** Says that the camera comes in layers (RFC 8853). */
function withSimulcast(sdp: string, layers: readonly string[]): string {
  const at = sdp.indexOf('m=video');
  const section = sdp.indexOf('a=sendonly', at);
  const lines = [
    `a=extmap:${RID_EXTENSION} urn:ietf:params:rtp-hdrext:sdes:rtp-stream-id`,
    ...layers.map((layer) => `a=rid:${layer} send`),
    `a=simulcast:send ${layers.join(';')}`,
  ];
  return `${sdp.slice(0, section)}${lines.join('\r\n')}\r\n${sdp.slice(section)}`;
}

async function join(order: LoadOrder, index: number): Promise<void> {
  const { url, layers, receives } = order;
  const sends = layers.length > 0 || order.sound;
  const askedAt = performance.now();
  const client = await RtpClient.join({
    url,
    room: order.rooms === undefined ? order.room : `${order.room}-${index % order.rooms}`,
    name: `Person ${index + 1}`,
    codec: 'vp8',
    receiveCodec: order.receiveCodec,
    viewer: !sends,
    receive: receives,
    watch: receives && !order.soundOnly,
    ...(order.token === undefined ? {} : { token: order.token }),
    ...(layers.length > 1 ? { alterOffer: (sdp: string) => withSimulcast(sdp, layers) } : {}),
  });
  const [audio, video] = [new Meter(), new Meter()];
  client.tapMedia((data) => {
    const type = (data[1] as number) & 0x7f;
    if (type >= 64 && type <= 95) return;
    if (type === 111) audio.packet(data, 48_000, false);
    else video.packet(data, 90_000, true);
  });
  const elapsed = nowMicros() - start;
  // Cameras and microphones are not in step; each has its own phase.
  const phase = ((index * 0.618) % 1) * FRAME_MICROS;
  people.push({
    client,
    order,
    index,
    ssrcs: layers.map((_, layer) => 1_000_000 + index * 10 + layer),
    sequences: layers.map(() => 100),
    sentUntil: layers.map(() => Number.POSITIVE_INFINITY),
    audio,
    video,
    joinMs: performance.now() - askedAt,
    nextVideo: Math.ceil((elapsed - phase) / FRAME_MICROS),
    nextAudio: Math.ceil(elapsed / AUDIO_MICROS),
  });
}

/** Whether the server has a use for a layer: none smaller is as large as it shows the camera. */
function isUsed({ client: { cameraShown }, order }: Person, layer: LayerName): boolean {
  if (!cameraShown) return true;
  const own = LAYERS.findIndex(({ name }) => name === layer);
  return !LAYERS.slice(own + 1).some(
    (smaller) => order.layers.includes(smaller.name) && coversTile(smaller, cameraShown),
  );
}

/** Whether a layer is sent: it ends some time after it was of use, and comes back with a keyframe. */
function isSent(person: Person, layer: number, isKeyframe: boolean): boolean {
  const { sentUntil, order } = person;
  const until = sentUntil[layer] as number;
  const now = performance.now();
  if (isUsed(person, order.layers[layer] as LayerName)) {
    if (until > now || isKeyframe) sentUntil[layer] = Number.POSITIVE_INFINITY;
  } else if (until === Number.POSITIVE_INFINITY) sentUntil[layer] = now + SWITCH_OFF_MS;
  return (sentUntil[layer] as number) > now;
}

/** Frame n of person i leaves at start + (n + phase of i) frame times: who receives it can tell its age. */
function sendVideo(person: Person, frame: number): void {
  const { client, order, index } = person;
  // Loops begin at different times, so that their keyframes do not come together.
  const at = (frame + index * 37) % LOOP_FRAMES;
  const timestamp = (frame * 3000) >>> 0;
  if (order.layers.length === 1) {
    client.sendRtp('video', payloads[order.layers[0] as LayerName][at] as Buffer[], timestamp);
    return;
  }
  order.layers.forEach((layer, i) => {
    if (!isSent(person, i, at === 0)) return;
    const parts = payloads[layer][at] as Buffer[];
    parts.forEach((payload, part) => {
      const sequenceNumber = person.sequences[i] as number;
      person.sequences[i] = (sequenceNumber + 1) & 0xffff;
      const header = {
        payloadType: VIDEO_PAYLOAD_TYPE,
        sequenceNumber,
        timestamp,
        ssrc: person.ssrcs[i] as number,
        marker: part === parts.length - 1,
        extension: true,
        extensionProfile: 0xbede as const,
        extensions: [{ id: RID_EXTENSION, payload: Buffer.from(layer) }],
      };
      client.sendPacket(header, payload).catch(() => {});
    });
  });
}

function sendAudio({ client, index, order }: Person, frame: number): void {
  const speaks = talks(index, people.length, frame * AUDIO_MICROS);
  if (order.dtx && !speaks && (frame + index) % DTX_FRAMES > 0) return;
  const source = speaks ? fixtures.talk : fixtures.quiet;
  client.sendRtp('audio', [source[frame % source.length] as Buffer], (frame * 960) >>> 0);
}

function tick(): void {
  const elapsed = nowMicros() - start;
  for (const person of people) {
    const phase = ((person.index * 0.618) % 1) * FRAME_MICROS;
    if (person.order.layers.length > 0) {
      for (; person.nextVideo * FRAME_MICROS + phase <= elapsed; person.nextVideo++) {
        sendVideo(person, person.nextVideo);
      }
    }
    if (!person.order.sound) continue;
    for (; person.nextAudio * AUDIO_MICROS <= elapsed; person.nextAudio++) {
      sendAudio(person, person.nextAudio);
    }
  }
}

async function grow(order: LoadOrder): Promise<void> {
  // One after the other, as people come; who is refused does not come again.
  for (wanted += order.count; people.length + failures.length < wanted; ) {
    await join(order, people.length + failures.length).catch((error: unknown) => {
      failures.push(error instanceof Error ? error.message : String(error));
    });
    if (order.pauseMs) await sleep(order.pauseMs);
  }
}

async function shrink(count: number): Promise<void> {
  const leaving = people.splice(people.length - count, count);
  wanted -= leaving.length;
  await Promise.all(leaving.map(({ client }) => client.leave()));
}

function report(): LoadReport {
  const persons = people.map(({ audio, video, joinMs }): PersonReport => {
    const { packets: audioPackets, lost: audioLost, late: audioLate } = audio;
    const { frames, longestGapMs, lost: videoLost, packets: videoPackets } = video;
    const counted = { audioPackets, audioLost, audioLate, frames, longestGapMs, videoLost };
    audio.reset();
    video.reset();
    return { ...counted, videoPackets, joinMs };
  });
  return { people: persons, failures: [...failures], start };
}

process.on('message', (message: { grow?: LoadOrder; shrink?: number }) => {
  const work = message.grow
    ? grow(message.grow)
    : message.shrink
      ? shrink(message.shrink)
      : Promise.resolve();
  work.then(() => process.send?.(report()));
});
process.on('disconnect', () => process.exit(0));
setInterval(tick, TICK_MS);
process.send?.('ready');
