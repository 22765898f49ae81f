/** H.265, main profile (ITU-T H.265, RFC 7798). Clients send it; the composite is not encoded in it. */
import type { FormatParameters } from '../rtp/negotiated-media.js';
import type { FrameSize } from '../util/frame-size.js';
import { VIDEO_CLOCK_RATE } from '../util/units.js';
import { annexBFromMp4, joinAnnexB, splitAnnexB } from './annex-b.js';
import type { MediaDirection, UplinkVideoCodec } from './codec.js';
import { H265Depacketizer } from './h265-depacketizer.js';
import { h265UnitType, NAL_PPS, NAL_SPS, NAL_VPS } from './h265-parameter-sets.js';
import { parseH265Sps } from './h265-sps.js';
import { videoSdp } from './video-sdp.js';

/** Main: 8 bits, 4:2:0. */
const MAIN = 1;
const CLIENT_PARAMETERS = 'level-id=93;profile-id=1;tier-flag=0;tx-mode=SRST';

/** Units in decoding order only: with `sprop-max-don-diff` they would have numbers of their own. */
function rank(parameters: FormatParameters, direction: MediaDirection): number | undefined {
  if (direction === 'down' || Number(parameters['profile-id'] ?? MAIN) !== MAIN) return undefined;
  if (Number(parameters['sprop-max-don-diff'] ?? 0) > 0) return undefined;
  return (parameters['tx-mode'] ?? 'SRST').toUpperCase() === 'SRST' ? 0 : undefined;
}

/** The offer's parameters, without the parameter sets of its stream. */
function answerParameters(offered: string | undefined): string | undefined {
  const kept = (offered ?? '').split(';').filter((parameter) => !/^\s*sprop-/i.test(parameter));
  return kept.join(';').trim() || undefined;
}

function parameterSets(keyframe: Buffer): Buffer | undefined {
  const sets = splitAnnexB(keyframe).filter((unit) =>
    ([NAL_VPS, NAL_SPS, NAL_PPS] as number[]).includes(h265UnitType(unit)),
  );
  return sets.length < 3 ? undefined : joinAnnexB(sets);
}

function keyframeSize(frame: Buffer): FrameSize | undefined {
  const sps = splitAnnexB(frame).find((unit) => h265UnitType(unit) === NAL_SPS);
  return sps && parseH265Sps(sps)?.size;
}

export const h265: UplinkVideoCodec = {
  name: 'h265',
  kind: 'video',
  clockRate: VIDEO_CLOCK_RATE,
  sdp: { ...videoSdp('H265', rank, CLIENT_PARAMETERS), answerParameters },
  ffmpegName: 'hevc',
  parameterSets,
  fromMp4: annexBFromMp4,
  uplink: {
    createDepacketizer: ({ 'sprop-vps': vps, 'sprop-sps': sps, 'sprop-pps': pps }) =>
      new H265Depacketizer([vps, sps, pps]),
    keyframeSize,
    signalsColourSpace: true,
  },
};
