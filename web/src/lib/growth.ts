import { millisFromNanos, type Nanos } from "./nanos";

const GROWS_MS = 300_000;
const SOONEST_MS = 2_000;
const LOOKS_FOR_WHAT_IS_ABSENT = 6;

/** When something was last asked for, in milliseconds; 0 if never. As a query's state has it. */
type Looks = { readonly dataUpdatedAt: number; readonly errorUpdatedAt: number };

/**
 * After how many milliseconds a trace whose last span ended at `lastEnd` is worth another look: soon
 * while that is fresh, then ever later; false when nothing more is to be expected. `size` is how many
 * records such a look brings: many are not fetched often.
 */
export function nextLook(
  lastEnd: Nanos,
  { dataUpdatedAt, errorUpdatedAt }: Looks,
  size: number,
): number | false {
  // Clocks may differ: what ends in the future is looked at as what ended as long ago.
  const age = Math.abs(Math.max(dataUpdatedAt, errorUpdatedAt) - millisFromNanos(lastEnd));
  return age > GROWS_MS ? false : Math.max(SOONEST_MS, age / 4, size / 2);
}

/** The same for what was not there in `misses` looks: twice as late each time, for two minutes. */
export function nextLookForAbsent(misses: number): number | false {
  return misses > LOOKS_FOR_WHAT_IS_ABSENT ? false : SOONEST_MS * 2 ** (misses - 1);
}
