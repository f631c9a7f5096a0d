/** Nanoseconds, of a time since the Unix epoch or of a duration; never a float. */
export type Nanos = bigint;

export const NS_PER_US = 1_000n;
export const NS_PER_MS = 1_000_000n;
export const NS_PER_S = 1_000_000_000n;

/** Nanoseconds from the API's decimal string; null if it is not a whole number. */
export function parseNanos(text: string | null | undefined): Nanos | null {
  return text != null && /^-?\d{1,20}$/.test(text) ? BigInt(text) : null;
}

/** Nanoseconds from a string that the API guarantees to be a whole number. */
export function nanos(text: string): Nanos {
  return BigInt(text);
}

export function nanosFromMillis(milliseconds: number): Nanos {
  return BigInt(Math.round(milliseconds * 1000)) * NS_PER_US;
}

/** Milliseconds with the sub-millisecond part as a fraction; for drawing and Date only. */
export function millisFromNanos(value: Nanos): number {
  return Number(value / NS_PER_US) / 1000;
}
