import type { Severity } from "@/api/client";

/** From worst to least, as in the filter and the histogram. */
export const SEVERITIES: readonly Severity[] = [
  "fatal",
  "error",
  "warn",
  "info",
  "debug",
  "trace",
  "unspecified",
];

/** The lowest severity number of each class. */
export const SEVERITY_MIN: Readonly<Record<Severity, number>> = {
  fatal: 21,
  error: 17,
  warn: 13,
  info: 9,
  debug: 5,
  trace: 1,
  unspecified: 0,
};

/** Red only for errors, amber only for warnings. */
export const SEVERITY_COLOR: Readonly<Record<Severity, string>> = {
  fatal: "var(--error)",
  error: "var(--error)",
  warn: "var(--warn-mark)",
  info: "var(--bar-strong)",
  debug: "var(--bar)",
  trace: "var(--border-strong)",
  unspecified: "var(--border-strong)",
};

export const SEVERITY_TEXT_CLASS: Readonly<Record<Severity, string>> = {
  fatal: "text-error font-semibold",
  error: "text-error",
  warn: "text-warn",
  info: "text-muted",
  debug: "text-faint",
  trace: "text-faint",
  unspecified: "text-faint",
};

/** What to write for a severity: the sender's own word if there is one. */
export function severityLabel(severity: Severity, text: string): string {
  if (text) return text.toUpperCase();
  return severity === "unspecified" ? "–" : severity.toUpperCase();
}
