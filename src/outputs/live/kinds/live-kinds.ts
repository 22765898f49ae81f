/** All kinds of live outputs. To add one: a file in this folder, a row here, its name in `protocol`. */
import type { LiveKind } from '../../../protocol/output-info.js';
import { badDestination } from '../public-address.js';
import { hls } from './hls.js';
import type { LiveKindContext, LiveKindDefinition, LiveTarget } from './live-kind.js';
import { rtmp, rtmps } from './rtmp.js';
import { srt } from './srt.js';

export const LIVE_KIND_DEFINITIONS = { rtmp, rtmps, srt, hls } satisfies Record<
  LiveKind,
  LiveKindDefinition
>;

/**
 * Checks a request's `url` with the kind that it names.
 * @throws TesseraError `bad_destination`, `destination_forbidden`, `unreachable`.
 */
export async function checkTarget(
  url: string,
  context: LiveKindContext,
): Promise<{ readonly kind: LiveKind; readonly target: LiveTarget }> {
  const names = Object.keys(LIVE_KIND_DEFINITIONS) as LiveKind[];
  const kind = names.find((name) => LIVE_KIND_DEFINITIONS[name].accepts(url));
  if (kind) return { kind, target: await LIVE_KIND_DEFINITIONS[kind].check(url, context) };
  if (!URL.canParse(url)) throw badDestination('the destination is not a URL');
  const { protocol } = new URL(url);
  throw badDestination(`destinations of ${protocol} are not taken`, `Use ${names.join(', ')}.`);
}

/** How requests name a destination, for the API's description. */
export function liveUrlDescription(): string {
  return Object.values(LIVE_KIND_DEFINITIONS)
    .map(({ example }) => example)
    .join(', ');
}
