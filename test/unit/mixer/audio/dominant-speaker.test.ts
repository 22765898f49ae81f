/** The dominant speaker, from audio levels. */
import { expect, test } from 'vitest';
import { randomFrom } from '../../../../src/bots/random.js';
import { audioLevel, DominantSpeaker } from '../../../../src/mixer/audio/dominant-speaker.js';

const TICKS_PER_SECOND = 50;
const random = randomFrom(7);

/** Speech: syllables of 200 ms, loud and soft, with pauses between words. */
function speech(tick: number): number {
  const syllable = Math.floor(tick / 10) % 8;
  return syllable === 7 ? -60 + random() * 5 : -25 - random() * 12;
}
const noise = () => -75 + random() * 6;

function run(
  speaker: DominantSpeaker<string>,
  seconds: number,
  levels: Record<string, (tick: number) => number>,
): string | undefined {
  for (let tick = 0; tick < seconds * TICKS_PER_SECOND; tick++) {
    const now = Object.entries(levels).map(([id, of]) => [id, audioLevel(of(tick))] as const);
    speaker.update(new Map(now));
  }
  return speaker.current;
}

test('the speaker is dominant, and stays so in silence', () => {
  const speaker = new DominantSpeaker<string>();
  expect(run(speaker, 3, { a: noise, b: noise })).toBeUndefined();
  expect(run(speaker, 2, { a: noise, b: speech })).toBe('b');
  expect(run(speaker, 5, { a: noise, b: noise })).toBe('b');
  expect(run(speaker, 2, { a: speech, b: noise })).toBe('a');
  expect(run(speaker, 1, { b: noise })).toBeUndefined();
});

test('a cough, a door and a short "yes" do not change the dominant speaker', () => {
  const burst = (from: number, ticks: number, level: number) => (tick: number) =>
    tick >= from && tick < from + ticks ? level : noise();
  for (const [ticks, level] of [
    [5, -3],
    [10, -10],
    [3, 0],
  ] as const) {
    const speaker = new DominantSpeaker<string>();
    run(speaker, 4, { a: speech, b: noise });
    expect(run(speaker, 1, { a: speech, b: burst(10, ticks, level) })).toBe('a');
    expect(run(speaker, 3, { a: speech, b: noise })).toBe('a');
  }
});

test('a new speaker becomes dominant within about a second', () => {
  const speaker = new DominantSpeaker<string>();
  run(speaker, 5, { a: speech, b: noise, c: noise });
  expect(run(speaker, 1.5, { a: noise, b: noise, c: speech })).toBe('c');
  expect(run(speaker, 1.5, { a: speech, b: noise, c: noise })).toBe('a');
});
