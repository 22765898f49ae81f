/** Finds out what this machine can encode with. */
import type { MixSettings } from '../link/link-messages.js';
import type { Logger } from '../logger.js';
import type { CompositeCodec } from '../protocol/codec-names.js';
import type { MediaPool } from './media-pool.js';

const PROBE_MS = 10_000;

export interface AvailableEncoders {
  /** The wanted codecs that can be encoded, best first. */
  readonly codecs: readonly CompositeCodec[];
  /** The wanted settings, without a hardware encoder that does not work. */
  readonly mix: MixSettings;
}

/** Starts the pool. Rejects if media processes cannot run on this machine. */
export async function availableEncoders(
  pool: Pick<MediaPool, 'start' | 'ask'>,
  wanted: { readonly mix: MixSettings; readonly videoCodecs: readonly CompositeCodec[] },
  logger: Logger,
): Promise<AvailableEncoders> {
  const found = await pool.start();
  const codecs = wanted.videoCodecs.filter((codec) => found.includes(codec));
  const { hardware } = wanted.mix;
  if (!hardware) return { codecs, mix: wanted.mix };
  const fault = await pool
    .ask(
      { type: 'probe', hardware },
      (event) => (event.type === 'probed' ? (event.fault ?? '') : undefined),
      PROBE_MS,
    )
    .catch((error: unknown) => String(error))
    .then((answer) => answer ?? 'it takes too long');
  if (fault === '') {
    logger.info({ hardware }, 'H.264 is encoded in hardware');
    return { codecs, mix: wanted.mix };
  }
  logger.warn({ hardware, fault }, 'the hardware encoder does not work: x264 encodes H.264');
  return { codecs, mix: { ...wanted.mix, hardware: undefined } };
}
