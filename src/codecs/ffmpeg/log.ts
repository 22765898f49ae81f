import { AV_LOG_FATAL, Log } from 'node-av';

/** Bad bitstreams are counted, not logged: FFmpeg would write a line for every broken frame. */
export function quietFfmpeg(): void {
  Log.setLevel(AV_LOG_FATAL);
}
