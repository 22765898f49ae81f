/** SRT as a caller, with MPEG-TS. FFmpeg connects to the checked address itself. */
import { badDestination, checkHost } from '../public-address.js';
import type { LiveKindDefinition } from './live-kind.js';

const PORT = 9000;

/** Options of the URL's query that reach the socket, and their syntax. */
const OPTIONS: Readonly<Record<string, RegExp>> = {
  streamid: /^[\w\-.,:=#!/@+]{1,512}$/,
  passphrase: /^[\x21-\x25\x27-\x7e]{10,79}$/,
  pbkeylen: /^(16|24|32)$/,
  /** Milliseconds. */
  latency: /^\d{1,5}$/,
};

function optionsOf(url: URL): Record<string, string> {
  const options: Record<string, string> = {};
  for (const [name, value] of url.searchParams) {
    if (name === 'mode' && value === 'caller') continue;
    const pattern = OPTIONS[name];
    if (!pattern) {
      throw badDestination(
        `SRT option ${name.slice(0, 32)} is not taken`,
        `Use ${Object.keys(OPTIONS).join(', ')}.`,
      );
    }
    if (!pattern.test(value)) throw badDestination(`SRT option ${name} is not valid`);
    options[name] = value;
  }
  return options;
}

export const srt: LiveKindDefinition = {
  example: '`srt://host:port?streamid=…&passphrase=…`',
  accepts: (text) => URL.canParse(text) && new URL(text).protocol === 'srt:',
  check: async (text, { allowPrivate, resolve }) => {
    const url = new URL(text);
    const options = optionsOf(url);
    const { address, port } = await checkHost(url, PORT, allowPrivate, resolve);
    const query = new URLSearchParams({ ...options, mode: 'caller', transtype: 'live' });
    // FFmpeg takes microseconds.
    if (options.latency) query.set('latency', String(Number(options.latency) * 1000));
    const host = address.includes(':') ? `[${address}]` : address;
    return {
      shown: `srt://${url.host}`,
      connect: async () => ({
        url: `srt://${host}:${port}?${query}`,
        muxer: 'mpegts',
        options: {},
      }),
    };
  },
};
