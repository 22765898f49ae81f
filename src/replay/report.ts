/** A replay's result as text: what was counted at each door (docs/media-path.md), and what happened when. */
import type { ReplayResult } from './replay.js';

/** Counters in the order of the path. Of those that end in `*`, all that begin so. */
const DOORS: Readonly<Record<string, readonly string[]>> = {
  stream: ['rtp_*'],
  repair: ['nacks_sent'],
  frame: [
    'video_packets_*',
    'video_frames_received',
    'video_frames_lost',
    'video_frames_malformed',
    'video_frames_too_large',
    'video_keyframe_requests',
  ],
  layer: ['video_layer_switches', 'video_height'],
  decoder: [
    'video_frames_not_shown',
    'video_frames_decoded',
    'video_frames_corrupt',
    'video_frames_dropped_*',
    'video_freezes*',
  ],
  tile: ['video_ticks', 'video_tiles_late'],
  encoder: ['video_encodes_*', 'video_keyframes_*', 'keyframes_*'],
  'jitter buffer': ['audio_packets_*', 'audio_frames_*', 'audio_samples_*', 'audio_periods_*'],
  mix: ['audio_ticks', 'audio_speakers', 'audio_encodes*', 'audio_delay_*'],
};
/** Moments printed at most; more say only how many. */
const MAX_MOMENTS = 200;

function matches(pattern: string, name: string): boolean {
  return pattern.endsWith('*') ? name.startsWith(pattern.slice(0, -1)) : name === pattern;
}

function secondsOf(ms: number): string {
  return `${(ms / 1000).toFixed(3).padStart(9)} s`;
}

/** Lines of text; counters that are 0 are left out. */
export function reportOf({ durationMs, packets, receiver, mixer, moments }: ReplayResult): string {
  const counted = Object.entries({ ...mixer, ...receiver }).filter(([, value]) => value !== 0);
  const lines = [
    `${secondsOf(durationMs).trim()}, ${packets.rtp} RTP packets, ${packets.rtcp} RTCP packets`,
  ];
  for (const [door, patterns] of Object.entries(DOORS)) {
    const own = counted.filter(([name]) => patterns.some((pattern) => matches(pattern, name)));
    lines.push('', door, ...own.map(([name, value]) => `  ${name} ${value}`));
    if (own.length === 0) lines.push('  nothing');
  }
  lines.push('', 'moments');
  for (const { offsetMs, what } of moments.slice(0, MAX_MOMENTS)) {
    lines.push(`  ${secondsOf(offsetMs)}  ${what}`);
  }
  if (moments.length > MAX_MOMENTS) lines.push(`  and ${moments.length - MAX_MOMENTS} more`);
  return lines.join('\n');
}
