/** HLS with CMAF segments, which players read from this server. Old segments are deleted. */
import { join } from 'node:path';
import type { LiveKindDefinition } from './live-kind.js';

/** Players that are behind can play to the end after the output has ended. */
const LINGER_MS = 30_000;

export const hls: LiveKindDefinition = {
  example: '`hls` to be read from this server',
  accepts: (text) => text === 'hls',
  check: async (_text, { id, folder, keyframeMs }) => ({
    shown: `/hls/${id}/index.m3u8`,
    files: { folder, lingerMs: LINGER_MS },
    connect: async () => ({
      url: join(folder, 'index.m3u8'),
      muxer: 'hls',
      options: {
        hls_time: String(Math.max(1, keyframeMs / 1000 - 0.2)),
        hls_segment_type: 'fmp4',
        hls_list_size: '6',
        hls_delete_threshold: '4',
        hls_flags: 'delete_segments+independent_segments+temp_file+program_date_time+append_list',
        hls_segment_filename: join(folder, 'segment-%06d.m4s'),
        hls_fmp4_init_filename: 'init.mp4',
      },
    }),
  }),
};
