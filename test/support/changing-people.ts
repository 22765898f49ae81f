/**
 * People who change all the time: they join, leave, vanish, mute, change the size and the codec of
 * what they send, and share screens. Clients without codecs, so that many cost little.
 */
import { randomFrom } from '../../src/bots/random.js';
import { RtpClient } from '../../src/bots/rtp-client.js';
import { packetizeH264 } from '../../src/codecs/h264-packetizer.js';
import { OpusEncoder } from '../../src/codecs/opus/opus.js';
import { packetizeVp8 } from '../../src/codecs/vp8-packetizer.js';
import { encodeSized } from './encoded.js';
import { SWITCHED } from './fault-call.js';
import type { TestServer } from './server.js';

const CODECS = ['vp8', 'h264'] as const;
type Codec = (typeof CODECS)[number];

interface Person {
  readonly client: RtpClient;
  readonly codec: Codec;
  size: number;
  frames: number;
  packets: number;
}

export class ChangingPeople {
  private readonly people: (Person | undefined)[];
  private readonly random = randomFrom(7);
  private readonly startedAt = performance.now();
  private timer: NodeJS.Timeout | undefined;
  /** Changes that were made. */
  changes = 0;

  private constructor(
    private readonly server: TestServer,
    private readonly room: string,
    count: number,
    /** Frames by codec and size. */
    private readonly video: Readonly<Record<Codec, Buffer[][]>>,
    private readonly speech: readonly Buffer[],
  ) {
    this.people = Array.from({ length: count });
  }

  static async open(server: TestServer, room: string, count: number): Promise<ChangingPeople> {
    const video: Record<Codec, Buffer[][]> = { vp8: [], h264: [] };
    for (const codec of CODECS) {
      for (const size of SWITCHED) video[codec].push(await encodeSized(codec, size, 15));
    }
    using encoder = await OpusEncoder.open({ channels: 1, bitrateBps: 32_000, complexity: 5 });
    const speech = Array.from({ length: 50 }, (_, frame) => {
      const at = (i: number) => 0.1 * Math.sin((2 * Math.PI * 300 * (frame * 960 + i)) / 48_000);
      const pcm = Float32Array.from({ length: 960 }, (_, i) => at(i));
      return Buffer.from(encoder.encode(pcm, false));
    });
    const people = new ChangingPeople(server, room, count, video, speech);
    for (let i = 0; i < count; i++) await people.join(i);
    people.timer = setInterval(() => people.send(), 10);
    return people;
  }

  /** One of them, by chance, changes something. */
  async change(): Promise<void> {
    this.changes++;
    const at = this.pick(this.people.length);
    const person = this.people[at];
    if (!person) return this.join(at);
    const { client } = person;
    switch (this.pick(6)) {
      case 0:
        this.people[at] = undefined;
        return client.leave();
      case 1:
        // Their network is gone: nobody says goodbye.
        this.people[at] = undefined;
        client.socket.terminate();
        return client.close();
      case 2:
        return client.send({ type: 'mute', mic: this.random() < 0.5 });
      case 3:
        return client.send({ type: 'mute', camera: this.random() < 0.5 });
      case 4:
        return client.send({ type: 'mute', screen: this.random() < 0.5 });
      default:
        person.size = this.pick(SWITCHED.length);
        person.frames = 0;
    }
  }

  async close(): Promise<void> {
    clearInterval(this.timer);
    await Promise.all(this.people.map((person) => person?.client.leave()));
  }

  private async join(at: number): Promise<void> {
    const codec = CODECS[this.pick(2)] as Codec;
    const client = await RtpClient.join({
      ...{ url: this.server.signalUrl, room: this.room, name: `Person ${at}` },
      ...{ codec, screen: this.random() < 0.3, watch: this.random() < 0.5 },
    });
    this.people[at] = { client, codec, size: this.pick(SWITCHED.length), frames: 0, packets: 0 };
  }

  /** What is due of everybody, by the clock: 10 frames and 50 packets a second. */
  private send(): void {
    const elapsed = performance.now() - this.startedAt;
    for (const person of this.people) {
      if (!person) continue;
      const { client, codec, size } = person;
      const packets = Math.floor(elapsed / 20);
      if (person.packets < packets) {
        person.packets = packets;
        const packet = this.speech[packets % this.speech.length] as Buffer;
        client.sendRtp('audio', [packet], packets * 960);
      }
      if (packets % 5 !== 0 || person.frames === packets) continue;
      const frames = this.video[codec][size] as Buffer[];
      const frame = frames[(packets / 5) % frames.length] as Buffer;
      person.frames = packets;
      const payloads = codec === 'vp8' ? packetizeVp8(frame, packets) : packetizeH264(frame);
      client.sendRtp('video', payloads, packets * 1800);
    }
  }

  private pick(count: number): number {
    return Math.floor(this.random() * count);
  }
}
