import { millisFromNanos, type Nanos } from "./nanos";

/** Three significant digits without an exponent: 1.24, 31.2, 312. */
function threeDigits(value: number): string {
  const size = Math.abs(value);
  if (size >= 99.95) return value.toFixed(0);
  if (size >= 9.995) return trimZeros(value.toFixed(1));
  return trimZeros(value.toFixed(2));
}

function trimZeros(text: string): string {
  return text.includes(".") ? text.replace(/\.?0+$/, "") : text;
}

/** "1.24 s", "312 ms", "48 µs", "2 min 5 s"; the sign is kept. */
export function formatDuration(value: Nanos | number): string {
  const ns = Number(value);
  const sign = ns < 0 ? "−" : "";
  const size = Math.abs(ns);
  if (size === 0) return "0 ms";
  if (size < 999.5) return `${sign}${threeDigits(size)} ns`;
  if (size < 999_500) return `${sign}${threeDigits(size / 1e3)} µs`;
  if (size < 999_500_000) return `${sign}${threeDigits(size / 1e6)} ms`;
  const seconds = size / 1e9;
  if (seconds < 119.5) return `${sign}${threeDigits(seconds)} s`;
  const whole = Math.round(seconds);
  if (whole < 7200) return `${sign}${Math.floor(whole / 60)} min ${whole % 60} s`;
  const minutes = Math.round(seconds / 60);
  return `${sign}${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}

/** The exact number of nanoseconds, grouped, for tooltips. */
export function formatExactNanos(value: Nanos): string {
  return `${groupDigits(value.toString())} ns`;
}

function groupDigits(digits: string): string {
  return digits.replace(/\B(?=(\d{3})+(?!\d))/g, "\u202f");
}

/** "980", "12.4k", "3.1M". */
export function formatCount(value: bigint | number): string {
  const count = Number(value);
  const size = Math.abs(count);
  if (size < 1000) return Number.isInteger(count) ? String(count) : threeDigits(count);
  if (size < 999_950) return `${oneDecimal(count / 1e3)}k`;
  if (size < 999_950_000) return `${oneDecimal(count / 1e6)}M`;
  return `${oneDecimal(count / 1e9)}G`;
}

function oneDecimal(value: number): string {
  return Math.abs(value) >= 99.95 ? value.toFixed(0) : trimZeros(value.toFixed(1));
}

/** A share of one as a percentage: 0.034 is "3.4%". */
export function formatPercent(share: number): string {
  if (share === 0) return "0%";
  const percent = share * 100;
  if (percent < 0.01) return "<0.01%";
  return `${threeDigits(percent)}%`;
}

export function formatRate(perSecond: number): string {
  if (perSecond === 0) return "0";
  if (perSecond < 0.01) return "<0.01";
  return perSecond >= 1000 ? formatCount(perSecond) : threeDigits(perSecond);
}

function pad(value: number, width: number): string {
  return String(value).padStart(width, "0");
}

/** Local "14:03:22.417". */
export function formatClock(time: Nanos, fractionDigits: 0 | 3 | 6 | 9 = 3): string {
  const date = new Date(millisFromNanos(time));
  const clock = `${pad(date.getHours(), 2)}:${pad(date.getMinutes(), 2)}:${pad(date.getSeconds(), 2)}`;
  if (fractionDigits === 0) return clock;
  const fraction = ((time % 1_000_000_000n) + 1_000_000_000n) % 1_000_000_000n;
  return `${clock}.${fraction.toString().padStart(9, "0").slice(0, fractionDigits)}`;
}

export function formatDate(time: Nanos): string {
  const date = new Date(millisFromNanos(time));
  return `${date.getFullYear()}-${pad(date.getMonth() + 1, 2)}-${pad(date.getDate(), 2)}`;
}

/** Local date and time to the millisecond. */
export function formatDateTime(time: Nanos, fractionDigits: 0 | 3 | 6 | 9 = 3): string {
  return `${formatDate(time)} ${formatClock(time, fractionDigits)}`;
}

/** The exact time with its zone, for tooltips: local to the nanosecond, then UTC. */
export function formatExactTime(time: Nanos): string {
  const date = new Date(millisFromNanos(time));
  const offset = -date.getTimezoneOffset();
  const sign = offset < 0 ? "-" : "+";
  const zone = `${sign}${pad(Math.floor(Math.abs(offset) / 60), 2)}:${pad(Math.abs(offset) % 60, 2)}`;
  return `${formatDateTime(time, 9)} ${zone}\n${time} ns since 1970 UTC`;
}

/** How long ago, in one unit: "just now", "12 s ago", "5 min ago". */
export function formatAge(time: Nanos, now: Nanos): string {
  const seconds = Number((now - time) / 1_000_000_000n);
  if (seconds < 2) return "just now";
  if (seconds < 120) return `${seconds} s ago`;
  if (seconds < 7200) return `${Math.floor(seconds / 60)} min ago`;
  if (seconds < 172_800) return `${Math.floor(seconds / 3600)} h ago`;
  return `${Math.floor(seconds / 86_400)} d ago`;
}

/** A metric's value in its UCUM unit, scaled for reading where the unit is known. */
export function formatMetricValue(value: number, unit: string): string {
  const perSecond = unit.endsWith("/s");
  const base = perSecond ? unit.slice(0, -2) : unit;
  const tail = perSecond ? "/s" : "";
  const annotation = /^\{.*\}$/.test(base);
  switch (base) {
    case "s":
      return formatDuration(value * 1e9) + tail;
    case "ms":
      return formatDuration(value * 1e6) + tail;
    case "us":
      return formatDuration(value * 1e3) + tail;
    case "ns":
      return formatDuration(value) + tail;
    case "By":
      return formatBytes(value) + tail;
    case "%":
      return `${formatPlain(value)}%`;
    case "1":
    case "":
      return formatPlain(value) + tail;
    default:
      return annotation ? formatPlain(value) + tail : `${formatPlain(value)} ${base}${tail}`;
  }
}

function formatPlain(value: number): string {
  if (value === 0) return "0";
  if (Math.abs(value) >= 1000) return formatCount(value);
  if (Math.abs(value) < 0.005) return value.toPrecision(2);
  return threeDigits(value);
}

export function formatBytes(value: number): string {
  const units = ["B", "KiB", "MiB", "GiB", "TiB"];
  let size = value;
  let unit = 0;
  while (Math.abs(size) >= 1024 && unit < units.length - 1) {
    size /= 1024;
    unit += 1;
  }
  return `${threeDigits(size)} ${units[unit]}`;
}

/** "1 span", "12.4k spans". */
export function plural(count: number, noun: string, nouns = `${noun}s`): string {
  return `${formatCount(count)} ${count === 1 ? noun : nouns}`;
}
