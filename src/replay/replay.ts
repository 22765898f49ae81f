/**
 * Plays a capture through the receiver and the mixer as a room of one would, on the recorded clock: the
 * same file gives the same result on every machine. Nothing is sent to anybody, so packets that were
 * lost for good in the call are lost here too.
 */
import type { CapturedOffer } from '../captures/offers.js';
import type { MixSettings, SourceState, VideoOutFrame } from '../link/link-messages.js';
import { mediaSnapshot } from '../mixer/media-counters.js';
import { runRoomCommand } from '../mixer/room-commands.js';
import { RoomMixer } from '../mixer/room-mixer.js';
import { parseOffer } from '../peer/sdp-offer.js';
import { PeerReceiver } from '../receive/peer-receiver.js';
import { BT601 } from '../rtp/colour-space.js';
import type { NegotiatedMedia } from '../rtp/negotiated-media.js';
import { parseRtcp } from '../rtp/rtcp.js';
import type { RtpDump } from '../rtp/rtpdump.js';
import { fitsLimit, LARGEST_SIZE } from '../util/frame-size.js';
import type { Micros } from '../util/units.js';
import { RecordedTime } from './recorded-time.js';

const CAMERA = 1;
const SCREEN = 2;
/** The receiver's own tick, as a connection calls it. */
const RECEIVER_TICK: Micros = 20_000;
/** Any time but 0: a stage may take 0 for "never". */
const START: Micros = 1_000_000_000;
/** After the last packet, so that jitter buffers run empty. */
const TAIL: Micros = 500_000;

/** Something that happened at a moment of the capture. */
export interface ReplayMoment {
  readonly offsetMs: number;
  readonly what: string;
}

export interface ReplayResult {
  readonly durationMs: number;
  readonly packets: { readonly rtp: number; readonly rtcp: number };
  /** Of the receiver and its streams, by name. */
  readonly receiver: Readonly<Record<string, number>>;
  /** Of the mixer, by name. */
  readonly mixer: Readonly<Record<string, number>>;
  readonly moments: readonly ReplayMoment[];
}

export interface ReplayOptions {
  readonly mix: MixSettings;
  /** Takes the encoded composite. */
  readonly onVideo?: (frame: VideoOutFrame) => void;
}

export async function replay(
  dump: RtpDump,
  offers: readonly CapturedOffer[],
  { mix, onVideo }: ReplayOptions,
): Promise<ReplayResult> {
  const run = new Replay(mix, onVideo);
  try {
    await run.start();
    await run.play(dump, offers);
    return run.result(dump);
  } finally {
    await run.close();
  }
}

class Replay {
  private readonly time = new RecordedTime(START);
  private readonly moments: ReplayMoment[] = [];
  private readonly mixer: RoomMixer;
  private readonly receiver: PeerReceiver;
  private media: NegotiatedMedia | undefined;
  private nextReceiverTick: Micros = START;
  private keyframeAsks = 0;

  constructor(mix: MixSettings, onVideo: ReplayOptions['onVideo']) {
    this.mixer = new RoomMixer(
      mix,
      {
        event: (event) => {
          if (event.type === 'corrupt') this.note(`a ${event.media} bitstream is corrupt`);
          if (event.type !== 'keyframe-needed') return;
          this.note('the decoder needs a keyframe');
          this.receiver.requestKeyframe(event.source === SCREEN ? 'screen' : 'camera', this.now);
        },
        frame: (frame) => {
          if (frame.kind === 'video-out') onVideo?.(frame);
        },
      },
      this.time,
    );
    this.receiver = new PeerReceiver(1, 'replay', {
      onAudio: ({ payload, ...packet }, use) =>
        this.mixer.frame({
          kind: 'audio-in',
          source: use === 'screen-audio' ? SCREEN : CAMERA,
          ...packet,
          data: payload,
        }),
      onVideo: (frame, captureMicros, use) => {
        const { codec, keyframe, damaged, data, colourSpace = BT601, rotation } = frame;
        this.mixer.frame({
          kind: 'video-in',
          source: use === 'screen' ? SCREEN : CAMERA,
          ...{ codec, keyframe, damaged, colourSpace, rotation, captureMicros, data },
          arrivalMicros: this.now,
        });
      },
      accepts: (size) => fitsLimit(size, LARGEST_SIZE),
      onTooLarge: ({ width, height }) => this.note(`video of ${width}x${height} is too large`),
      sendRtcp: (packets) => this.noteRequests(packets),
    });
  }

  private get now(): Micros {
    return this.time.now();
  }

  async start(): Promise<void> {
    const videos = [{ codec: 'vp8', rendition: 0 } as const];
    runRoomCommand(this.mixer, { type: 'watch', videos, audio: true, lowAudio: [] });
    await this.mixer.start();
  }

  async play(dump: RtpDump, offers: readonly CapturedOffer[]): Promise<void> {
    const waiting = [...offers];
    for (const { kind, offsetMs, data } of dump.packets) {
      while (waiting[0] && waiting[0].offsetMs <= offsetMs) {
        await this.moveTo(START + waiting[0].offsetMs * 1000);
        this.negotiate(waiting[0].sdp);
        waiting.shift();
      }
      await this.moveTo(START + offsetMs * 1000);
      if (kind === 'rtp') this.receiver.rtp(data, this.now);
      else for (const packet of parseRtcp(data)) this.receiver.rtcp(packet, this.now);
    }
    await this.moveTo(this.now + TAIL);
  }

  result({ packets }: RtpDump): ReplayResult {
    const rtp = packets.filter(({ kind }) => kind === 'rtp').length;
    return {
      durationMs: packets.at(-1)?.offsetMs ?? 0,
      packets: { rtp, rtcp: packets.length - rtp },
      receiver: { ...this.receiver.snapshot(), keyframe_requests_sent: this.keyframeAsks },
      mixer: mixerCounters(this.mixer),
      moments: this.moments,
    };
  }

  close(): Promise<void> {
    return this.mixer.close();
  }

  private async moveTo(time: Micros): Promise<void> {
    const idle = () => this.mixer.idle();
    while (this.nextReceiverTick <= time) {
      await this.time.moveTo(this.nextReceiverTick, idle);
      this.receiver.tick(this.now, 0, Number.POSITIVE_INFINITY);
      this.nextReceiverTick += RECEIVER_TICK;
    }
    await this.time.moveTo(time, idle);
  }

  /** Takes an offer as the server would have. @throws TesseraError `bad_sdp`. */
  private negotiate(sdp: string): void {
    const { media } = parseOffer(sdp, []);
    this.media = media;
    this.receiver.negotiated(media);
    this.mixer.setSources(this.sources());
    this.note(`offer: ${media.sections.map(({ use }) => use).join(', ')}`);
  }

  private sources(): SourceState[] {
    const uses = new Set(this.media?.sections.map(({ use }) => use));
    const camera: SourceState = {
      ...{ id: CAMERA, owner: CAMERA, kind: 'camera', identity: 'captured', name: 'captured' },
      ...{ visible: true, videoOn: uses.has('camera'), audioOn: true, trouble: false, gain: 1 },
    };
    const screen: SourceState = { ...camera, id: SCREEN, kind: 'screen', videoOn: true };
    return uses.has('screen') ? [camera, screen] : [camera];
  }

  private noteRequests(packets: Buffer): void {
    for (const packet of parseRtcp(packets)) {
      if (packet.type !== 'pli' && packet.type !== 'fir') continue;
      this.keyframeAsks++;
      this.note('the sender is asked for a keyframe');
    }
  }

  private note(what: string): void {
    this.moments.push({ offsetMs: Math.round((this.now - START) / 1000), what });
  }
}

/** What the mixer counted; nothing that depends on the machine, such as the size of encoded frames. */
function mixerCounters(mixer: RoomMixer): Record<string, number> {
  const usage = { cpuMicros: 0, rssBytes: 0, linkFramesDropped: 0 };
  const { counters, gauges, encodes, sources } = mediaSnapshot(mixer, usage);
  const flat: Record<string, number> = { ...counters };
  flat.audio_delay_micros_max = gauges.audio_delay_micros_max;
  for (const snapshot of Object.values(sources)) {
    for (const [name, value] of Object.entries(snapshot)) flat[name] = (flat[name] ?? 0) + value;
  }
  for (const { codec, rendition, frames } of encodes) {
    flat[`video_encodes_${codec}_${rendition}`] = frames;
  }
  return flat;
}
