/**
 * The built server with a decoder that breaks on marked frames, as a bug in native code would: the
 * server itself has no such switch.
 */
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

/** Bytes at the end of a frame, and what the decoder then does. */
export const MARKS = {
  /** The process dies, as by a failed assertion of a library. */
  abort: 'TESSERA-ABORT',
  /** The thread never comes back. */
  hang: 'TESSERA-HANGS',
  /** The call never comes back; the event loop goes on. */
  lost: 'TESSERA-LOST!',
} as const;

const BREAK = `
const realDecode = VideoDecoder.prototype.decode;
VideoDecoder.prototype.decode = function (data, ...rest) {
  const mark = data.subarray(-13).toString('latin1');
  if (mark === '${MARKS.abort}') process.abort();
  if (mark === '${MARKS.hang}') for (;;);
  if (mark === '${MARKS.lost}') return new Promise(() => {});
  return realDecode.call(this, data, ...rest);
};
`;

export interface FaultyBuild extends Disposable {
  /** Entry of the server. */
  readonly main: string;
}

/** Copies the build; the copy is removed when it is disposed of. */
export function faultyBuild(): FaultyBuild {
  const root = fileURLToPath(new URL('../../', import.meta.url));
  const copy = mkdtempSync(`${root}.cache/faulty-`);
  cpSync(`${root}dist`, `${copy}/dist`, { recursive: true });
  cpSync(`${root}package.json`, `${copy}/package.json`);
  const decoder = `${copy}/dist/server/codecs/ffmpeg/video-decoder.js`;
  writeFileSync(decoder, readFileSync(decoder, 'utf8') + BREAK);
  return {
    main: `${copy}/dist/server/main.js`,
    [Symbol.dispose]: () => rmSync(copy, { recursive: true, force: true }),
  };
}

/** The frame, with a mark that decoders do not mind. */
export function marked(frame: Buffer, mark: keyof typeof MARKS): Buffer {
  return Buffer.concat([frame, Buffer.from(MARKS[mark])]);
}
