/** A capture that is made, not recorded: a moving picture of VP8 and a tone of Opus, as a client sends them. */

import type { CapturedOffer } from '../../src/captures/offers.js';
import { OpusEncoder } from '../../src/codecs/opus/opus.js';
import { vp8 } from '../../src/codecs/vp8.js';
import { writeRtpHeader } from '../../src/rtp/rtp-packet.js';
import type { DumpedPacket, RtpDump } from '../../src/rtp/rtpdump.js';
import { encodeMoving } from './encoded.js';

const [OPUS, VP8, AUDIO_SSRC, VIDEO_SSRC] = [111, 96, 1111, 2222];
const FPS = 30;
const TONE_HZ = 440;

const SDP = [
  'v=0',
  'o=- 1 1 IN IP4 0.0.0.0',
  's=-',
  't=0 0',
  'a=group:BUNDLE 0 1',
  ...media('audio', 0, OPUS, 'opus/48000/2', AUDIO_SSRC),
  ...media('video', 1, VP8, 'VP8/90000', VIDEO_SSRC),
].join('\r\n');

/** An offer with a microphone and a camera. */
export const CAPTURED_OFFERS: readonly CapturedOffer[] = [{ offsetMs: 0, sdp: `${SDP}\r\n` }];

function media(kind: string, mid: number, payload: number, codec: string, ssrc: number): string[] {
  return [
    `m=${kind} 9 UDP/TLS/RTP/SAVPF ${payload}`,
    'c=IN IP4 0.0.0.0',
    `a=mid:${mid}`,
    'a=ice-ufrag:abcd',
    'a=ice-pwd:0123456789abcdefghijkl',
    `a=fingerprint:sha-256 ${Array.from({ length: 32 }, () => '00').join(':')}`,
    'a=setup:actpass',
    'a=sendonly',
    'a=rtcp-mux',
    `a=rtpmap:${payload} ${codec}`,
    `a=ssrc:${ssrc} cname:made`,
  ];
}

function packet(
  offsetMs: number,
  payload: Buffer,
  rest: { payloadType: number; sequence: number; timestamp: number; ssrc: number; marker: boolean },
): DumpedPacket {
  const header = Buffer.alloc(12);
  writeRtpHeader(header, { ...rest, transportSequence: 0, transportSequenceId: 0 });
  return { kind: 'rtp', offsetMs, data: Buffer.concat([header, payload]) };
}

/** @param keyframeInterval in frames. */
export async function madeCapture(seconds: number, keyframeInterval = 30): Promise<RtpDump> {
  const packets: DumpedPacket[] = [];
  const packetizer = vp8.downlink.createPacketizer();
  const frames = await encodeMoving('vp8', seconds * FPS, keyframeInterval);
  let sequence = 1000;
  for (const [index, data] of frames.entries()) {
    const keyframe = index % keyframeInterval === 0;
    const payloads = packetizer.packetize({ data, keyframe, temporalLayer: 0 });
    for (const [at, payload] of payloads.entries()) {
      packets.push(
        packet(Math.round((index * 1000) / FPS), payload, {
          ...{ payloadType: VP8, ssrc: VIDEO_SSRC, sequence: sequence++ & 0xffff },
          ...{ timestamp: index * 3000, marker: at === payloads.length - 1 },
        }),
      );
    }
  }
  using opus = await OpusEncoder.open({ channels: 1, bitrateBps: 32_000, complexity: 5 });
  for (let index = 0; index < seconds * 50; index++) {
    const pcm = Float32Array.from(
      { length: 960 },
      (_, i) => 0.3 * Math.sin((2 * Math.PI * TONE_HZ * (index * 960 + i)) / 48_000),
    );
    packets.push(
      packet(index * 20, Buffer.from(opus.encode(pcm, false)), {
        ...{ payloadType: OPUS, ssrc: AUDIO_SSRC, sequence: index & 0xffff },
        ...{ timestamp: index * 960, marker: false },
      }),
    );
  }
  packets.sort((a, b) => a.offsetMs - b.offsetMs);
  return { startedAt: 1_700_000_000_000, packets, truncated: false };
}
