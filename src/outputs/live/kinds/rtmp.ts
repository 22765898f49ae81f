/**
 * RTMP, plain and in TLS. FFmpeg connects to a relay on this machine, which connects to the checked
 * address and, for RTMPS, checks the certificate.
 */
import { PinnedRelay } from '../pinned-relay.js';
import { badDestination, checkHost } from '../public-address.js';
import type { LiveKindDefinition } from './live-kind.js';

/** Application and stream key. */
const PATH = /^[\w\-.~%/?=&:+,@]{3,1024}$/;

function rtmpKind(scheme: 'rtmp' | 'rtmps', port: number, example: string): LiveKindDefinition {
  return {
    example,
    accepts: (text) => URL.canParse(text) && new URL(text).protocol === `${scheme}:`,
    check: async (text, { allowPrivate, resolve }) => {
      const url = new URL(text);
      const path = `${url.pathname}${url.search}`.replace(/^\//, '');
      if (!PATH.test(path)) {
        throw badDestination('the path must name an application and a stream key');
      }
      const remote = await checkHost(url, port, allowPrivate, resolve);
      return {
        shown: `${scheme}://${url.host}/${path.split('/')[0] ?? ''}/***`,
        connect: async (onFault) => {
          const relay = await PinnedRelay.open({ ...remote, tls: scheme === 'rtmps' }, onFault);
          return {
            url: `rtmp://127.0.0.1:${relay.port}/${path}`,
            muxer: 'flv',
            options: { flvflags: 'no_duration_filesize' },
            close: () => relay.close(),
          };
        },
      };
    },
  };
}

export const rtmp = rtmpKind('rtmp', 1935, '`rtmp://host/application/key`');
export const rtmps = rtmpKind('rtmps', 443, '`rtmps://…`');
