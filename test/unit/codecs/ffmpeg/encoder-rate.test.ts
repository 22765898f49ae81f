/** The encoder keeps its bitrate when the composite skips frames. */
import { expect, test } from 'vitest';
import { randomFrom } from '../../../../src/bots/random.js';
import { TalkingHeads } from '../../../../src/bots/talking-heads.js';
import { hasTemporalLayers } from '../../../../src/codecs/codecs.js';
import { Picture } from '../../../../src/codecs/ffmpeg/picture.js';
import { VideoEncoder } from '../../../../src/codecs/ffmpeg/video-encoder.js';
import { COMPOSITE_CODECS, type CompositeCodec } from '../../../../src/protocol/codec-names.js';

const SIZE = { width: 320, height: 180, frameRate: 30 };
const BITRATE = 200_000;
const FRAMES = 300;

async function bitrate(codec: CompositeCodec, left: (frame: number) => boolean): Promise<number> {
  const options = { codec, ...SIZE, bitrateBps: BITRATE, temporalLayers: hasTemporalLayers(codec) };
  using encoder = await VideoEncoder.open(options);
  using picture = Picture.allocate(SIZE.width, SIZE.height);
  const heads = new TalkingHeads(SIZE.width, SIZE.height, 1);
  let bytes = 0;
  for (let frame = 0; frame < FRAMES; frame++) {
    if (left(frame)) continue;
    // Every second another person: more than the bits suffice for.
    heads.draw(picture, frame + Math.floor(frame / 30) * 1000);
    for (const { data } of await encoder.encode(picture, frame * 33_333, false)) {
      if (frame >= 60) bytes += data.length;
    }
  }
  return (bytes * 8 * SIZE.frameRate) / (FRAMES - 60);
}

test.each(COMPOSITE_CODECS)('%s', async (codec) => {
  const random = randomFrom(5);
  for (const [name, left] of [
    ['none', () => false],
    ['one of eight', (frame: number) => frame % 8 === 3],
    ['a third, at random', () => random() < 0.33],
    ['every second', (frame: number) => frame % 2 === 1],
  ] as const) {
    const found = await bitrate(codec, left);
    console.log(`${codec}, left out ${name}: ${(found / 1000).toFixed(0)} kbit/s`);
    // SVT-AV1 counts frames, not time, and cannot change its bitrate: it stays below.
    const least = codec === 'av1' ? 0.4 : 0.75;
    expect([name, found > least * BITRATE, found < 1.15 * BITRATE]).toEqual([name, true, true]);
  }
});
