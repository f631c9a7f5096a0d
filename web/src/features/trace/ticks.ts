/** Round offsets within [from, to], at most `count` of them: 0, 20 ms, 40 ms. */
export function offsetTicks(from: number, to: number, count: number): number[] {
  const span = to - from;
  if (span <= 0 || count < 1) return [];
  const rough = span / count;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].map((factor) => factor * power).find((size) => size >= rough) ?? rough;
  const ticks: number[] = [];
  for (let i = Math.ceil(from / step); i * step <= to; i += 1) ticks.push(i * step);
  return ticks;
}
