/** Adds a record of counters to a sum, field by field. */
export function addCounters<T extends { [K in keyof T]: number }>(
  sum: T,
  counters: Readonly<T>,
): void {
  for (const name in counters) sum[name] = (sum[name] + counters[name]) as T[typeof name];
}
