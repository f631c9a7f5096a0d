import { type Nanos, NS_PER_S, nanosFromMillis, parseNanos } from "./nanos";

/** What the URL says: the last so many seconds, or two fixed times. */
export type TimeRange =
  | { readonly kind: "relative"; readonly text: string; readonly length: Nanos }
  | { readonly kind: "absolute"; readonly start: Nanos; readonly end: Nanos };

/** Start inclusive, end exclusive. */
export type Interval = { readonly start: Nanos; readonly end: Nanos };

export type TimeSearch = { range?: string; start?: string; end?: string };

const SECONDS: Readonly<Record<string, number>> = { s: 1, m: 60, h: 3600, d: 86_400 };

export const PRESETS: readonly { text: string; label: string }[] = [
  { text: "5m", label: "Last 5 min" },
  { text: "15m", label: "Last 15 min" },
  { text: "30m", label: "Last 30 min" },
  { text: "1h", label: "Last hour" },
  { text: "3h", label: "Last 3 hours" },
  { text: "6h", label: "Last 6 hours" },
  { text: "1d", label: "Last day" },
  { text: "2d", label: "Last 2 days" },
  { text: "7d", label: "Last week" },
  { text: "30d", label: "Last 30 days" },
];

export const DEFAULT_RANGE = "15m";

/** "15m" in nanoseconds; null if it is not a number with one of s, m, h, d. */
export function parseLength(text: string): Nanos | null {
  const match = /^(\d{1,6})([smhd])$/.exec(text);
  const unit = match?.[2];
  if (!match || !unit) return null;
  const seconds = BigInt(match[1] ?? "0") * BigInt(SECONDS[unit] ?? 0);
  return seconds > 0n ? seconds * NS_PER_S : null;
}

/** The range in the URL; a broken one is the default range. */
export function parseTimeRange(search: TimeSearch): TimeRange {
  const start = parseNanos(search.start);
  const end = parseNanos(search.end);
  if (start !== null && end !== null && start < end) return { kind: "absolute", start, end };
  const length = search.range ? parseLength(search.range) : null;
  if (length !== null && search.range) return { kind: "relative", text: search.range, length };
  return { kind: "relative", text: DEFAULT_RANGE, length: parseLength(DEFAULT_RANGE) ?? 0n };
}

/** The URL parameters of a fixed interval, exact to the nanosecond. */
export function absoluteSearch({ start, end }: Interval): Required<TimeSearch> & { range: string } {
  return { range: "", start: start.toString(), end: end.toString() };
}

export function resolve(range: TimeRange, now: Nanos): Interval {
  return range.kind === "absolute"
    ? { start: range.start, end: range.end }
    : { start: now - range.length, end: now };
}

export function describe(range: TimeRange, formatTime: (time: Nanos) => string): string {
  if (range.kind === "absolute") return `${formatTime(range.start)} – ${formatTime(range.end)}`;
  return PRESETS.find(({ text }) => text === range.text)?.label ?? `Last ${range.text}`;
}

/** The next longer preset than `interval`, to offer when a page is empty. */
export function widerPreset({ start, end }: Interval): { text: string; label: string } | null {
  return PRESETS.find(({ text }) => (parseLength(text) ?? 0n) > end - start) ?? null;
}

/** The value of a datetime-local input as nanoseconds; null if incomplete. */
export function parseLocalInput(value: string): Nanos | null {
  const milliseconds = new Date(value).getTime();
  return Number.isNaN(milliseconds) ? null : nanosFromMillis(milliseconds);
}
