/** What the media process must encode, computed from what all outputs of a room demand. Pure. */
import type { MediaCommand, SourceId, WatchedVideo } from '../link/link-messages.js';
import { FULL_MIX, type OutputDemand } from './media-output.js';

export type WatchSet = Extract<MediaCommand, { type: 'watch' }>;

/** The name of an encode within a room. */
export function encodeKey(codec: string, rendition: number): string {
  return `${codec}/${rendition}`;
}

/**
 * Each encode once, whatever number of outputs demands it.
 * @param mixed sources that have a mix of their own; outputs of other sources hear the full mix.
 */
export function watchSet(demands: Iterable<OutputDemand>, mixed: ReadonlySet<SourceId>): WatchSet {
  const videos = new Map<string, WatchedVideo>();
  const lowAudio = new Set<SourceId>();
  let audio = false;
  for (const demand of demands) {
    for (const video of demand.videos) videos.set(encodeKey(video.codec, video.rendition), video);
    audio ||= demand.audio;
    if (demand.lowAudio) lowAudio.add(mixed.has(demand.mix) ? demand.mix : FULL_MIX);
  }
  return { type: 'watch', videos: [...videos.values()], audio, lowAudio: [...lowAudio] };
}

/** Equal for sets that ask for the same encodes. */
export function watchKey({ videos, audio, lowAudio }: WatchSet): string {
  const encodes = videos.map(({ codec, rendition }) => encodeKey(codec, rendition)).sort();
  return `${encodes} ${audio} ${[...lowAudio].sort()}`;
}
