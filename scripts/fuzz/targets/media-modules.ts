/** The readers of RTP and RTCP, in this process: headers, RED, depacketizers, the receiver, feedback. */
import { UPLINK_VIDEO } from '../../../src/codecs/codecs.js';
import { NO_PICTURE } from '../../../src/codecs/depacketizer.js';
import { parseOffer } from '../../../src/peer/sdp-offer.js';
import { UPLINK_VIDEO_CODECS, type VideoCodec } from '../../../src/protocol/codec-names.js';
import { PeerReceiver } from '../../../src/receive/peer-receiver.js';
import { splitRed } from '../../../src/receive/red-depacketizer.js';
import { parseRtcp } from '../../../src/rtp/rtcp.js';
import { parseRtp } from '../../../src/rtp/rtp-packet.js';
import { dumpHeader, dumpRecord, readDump } from '../../../src/rtp/rtpdump.js';
import { readTransportFeedback } from '../../../src/send/transport-feedback-reader.js';
import { mutateBytes } from '../mutate.js';
import { pack, unpack } from '../packed.js';
import type { Random } from '../random.js';
import { RtpInputs } from '../rtp-inputs.js';
import { framePayloads, redPayload, rtcpCompound } from '../seeds/media.js';
import { chromiumOffer } from '../seeds/offer.js';
import { demand, type FuzzInput, moduleTarget, type Target } from '../target.js';

const { media } = parseOffer(chromiumOffer(), ['vp8']);
/** Packets in one input of the receiver. */
const SESSION_PACKETS = 20;
const MAX_DATAGRAM = 65_507;

const rtpHeaders: Target = {
  name: 'rtp-header',
  from: 'module',
  batch: 20_000,
  open: async () => {
    const inputs = new RtpInputs(await framePayloads());
    return {
      next: (random) => ({
        how: 'packet',
        bytes: mutateBytes(random, random.pick(inputs.next(random))),
      }),
      send: (input) => {
        const packet = parseRtp(input.bytes, media.extensions);
        if (!packet) return;
        const { payload, headerLength } = packet;
        demand(headerLength + payload.length <= input.bytes.length, 'a payload too long', input);
      },
    };
  },
};

const receiver: Target = {
  name: 'rtp-receiver',
  from: 'module',
  batch: 1000,
  open: async () => {
    const frames = await framePayloads();
    return {
      next: (random) => {
        const inputs = new RtpInputs(frames);
        const packets: Buffer[] = [];
        while (packets.length < SESSION_PACKETS) packets.push(...inputs.next(random));
        return { how: 'session', bytes: pack(packets) };
      },
      send: receiveSession,
    };
  },
};

function receiveSession(input: FuzzInput): void {
  let given = 0;
  const peer = new PeerReceiver(9, 'fuzz', {
    onAudio: ({ payload }) => {
      given += payload.length;
    },
    onVideo: ({ data }) => {
      given += data.length;
    },
    accepts: () => true,
    onTooLarge: () => {},
    sendRtcp: (compound) => {
      demand(compound.length <= MAX_DATAGRAM, 'feedback that no datagram holds', input);
      demand(compound.length % 4 === 0, 'feedback that is not in words', input);
    },
  });
  peer.negotiated(media);
  let now = 1_000_000;
  for (const packet of unpack(input.bytes)) {
    now += 5000;
    peer.rtp(packet, now);
    if (now % 20_000 === 0) peer.tick(now, 20_000, 1_000_000);
  }
  peer.tick(now + 600_000, 20_000, 1_000_000);
  // Units of two bytes in H.264 get start codes of four.
  demand(given <= input.bytes.length * 4 + 1000, `${given} bytes came out`, input);
}

const depacketizers: Target = {
  name: 'depacketizers',
  from: 'module',
  batch: 20_000,
  open: async () => {
    const frames = await framePayloads();
    return {
      next: (random) => {
        const codec = random.pick(UPLINK_VIDEO_CODECS);
        const payloads = [...random.pick(frames[codec])];
        const at = random.int(payloads.length);
        payloads[at] = mutateBytes(random, payloads[at] as Buffer);
        if (random.chance(0.1)) payloads.splice(at, 0, random.bytes(random.length(50) + 1));
        return { how: codec, bytes: pack(payloads) };
      },
      send: (input) => {
        const { createDepacketizer, keyframeSize } = UPLINK_VIDEO[input.how as VideoCodec].uplink;
        const depacketizer = createDepacketizer({});
        const payloads = unpack(input.bytes);
        for (const payload of payloads) {
          depacketizer.arrived?.(payload);
          depacketizer.startsKeyframe(payload);
          depacketizer.sizeIn(payload);
          depacketizer.hasPicture?.(payload);
        }
        const frame = depacketizer.assemble(payloads);
        if (!frame || frame === NO_PICTURE) return;
        keyframeSize(frame.data);
        // Parameter sets may be in a keyframe twice.
        const most = input.bytes.length * 8 + 1000;
        demand(frame.data.length <= most, `a frame of ${frame.data.length} bytes`, input);
        const { width = 1, height = 1 } = frame.size ?? {};
        demand(width > 0 && height > 0, `a picture of ${width}x${height}`, input);
      },
    };
  },
};

const red = moduleTarget(
  'red',
  (random) => ({
    how: 'payload',
    bytes: mutateBytes(random, redPayload(random, random.bytes(random.length(200) + 1))),
  }),
  (input) => {
    const sum = (splitRed(input.bytes) ?? []).reduce((all, one) => all + one.payload.length, 0);
    demand(sum <= input.bytes.length, 'blocks longer than the payload', input);
  },
);

const rtcp = moduleTarget(
  'rtcp',
  (random) => {
    const compound = rtcpCompound(random, random.int(2 ** 31));
    return {
      how: 'compound',
      bytes: random.chance(0.7) ? mutateBytes(random, compound) : compound,
    };
  },
  (input) => {
    for (const packet of parseRtcp(input.bytes)) {
      if (packet.type === 'nack') {
        const most = input.bytes.length * 5;
        demand(packet.sequences.length <= most, 'a NACK too long', input);
      }
      if (packet.type !== 'transport-feedback') continue;
      const fates = readTransportFeedback(packet.body);
      demand(fates.length <= 65_536, 'feedback on more packets than there are numbers', input);
      demand(
        fates.every(({ arrival = 0 }) => Number.isFinite(arrival)),
        'an arrival that is no time',
        input,
      );
    }
  },
);

function dumpFile(random: Random): Buffer {
  const records = Array.from({ length: random.int(5) }, (_, index) =>
    dumpRecord({ kind: 'rtp', offsetMs: index * 20, data: random.bytes(random.length(300)) }),
  );
  return Buffer.concat([dumpHeader(1_700_000_000_000), ...records]);
}

const rtpdump = moduleTarget(
  'rtpdump',
  (random) => ({ how: 'file', bytes: mutateBytes(random, dumpFile(random)) }),
  (input) => {
    try {
      readDump(input.bytes);
    } catch (error) {
      demand(/^not an rtpdump file/.test((error as Error).message), String(error), input);
    }
  },
);

export const MEDIA_MODULES: readonly Target[] = [
  rtpHeaders,
  receiver,
  depacketizers,
  red,
  rtcp,
  rtpdump,
];
