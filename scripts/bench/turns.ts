/** Who talks when: a few at a time, in turns, as the benches have it. */
const TALK_AT_ONCE = 3;
const TURN_MICROS = 2_000_000;

/** Whether person `index` of `count` talks at a moment. */
export function talks(index: number, count: number, micros: number): boolean {
  const turns = Math.ceil(count / TALK_AT_ONCE);
  return index % turns === Math.floor(micros / TURN_MICROS) % turns;
}
