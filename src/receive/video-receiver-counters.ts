/** What the receivers of one client's video streams count. */

export interface VideoReceiverCounters {
  video_packets_received: number;
  /** Came twice, or after their frame was given or given up. */
  video_packets_old: number;
  /** Of simulcast layers that are not in use. */
  video_packets_paused: number;
  video_frames_received: number;
  video_frames_malformed: number;
  video_frames_too_large: number;
  /** Gaps that were given up, not single frames. */
  video_frames_lost: number;
  video_keyframe_requests: number;
}

/** Counters that begin at zero; several receivers may share them. */
export function videoReceiverCounters(): VideoReceiverCounters {
  return {
    video_packets_received: 0,
    video_packets_old: 0,
    video_packets_paused: 0,
    video_frames_received: 0,
    video_frames_malformed: 0,
    video_frames_too_large: 0,
    video_frames_lost: 0,
    video_keyframe_requests: 0,
  };
}
