import type { Schemas } from "@/api/client";
import type { TailedLog } from "@/api/tail";
import { hash } from "@/lib/hash";
import { nanos } from "@/lib/nanos";

/** A log record in the list; one that was just received brings its resource and scope along. */
export type LogRow = Schemas["LogRecord"] & {
  resource?: Schemas["Resource"];
  scope?: Schemas["Scope"];
};

/** A row and when the browser got it, in milliseconds since the Unix epoch. */
export type Received = { readonly row: LogRow; readonly atMs: number };

const keys = new WeakMap<object, string>();

/** Of what was sent: the same whether a record was just received or is found in the tables. */
export function contentKey(record: Omit<TailedLog, "resource" | "scope">): string {
  const known = keys.get(record);
  if (known !== undefined) return known;
  const content = [
    record.observed_time_unix_nano,
    record.service_name,
    record.trace_id,
    record.span_id,
    record.severity_number,
    record.event_name,
    record.body.value,
  ];
  const key = `${record.time}-${hash(JSON.stringify(content)).toString(16)}`;
  keys.set(record, key);
  return key;
}

/** A tailed record as a row; its content stands for the id that it does not have yet. */
export function rowOf(record: TailedLog): LogRow {
  return { ...record, id: contentKey(record), resource_id: "", scope_id: "" };
}

/** The rows found, the newest first, and those received that are not among them, by time. */
export function withReceived(
  found: readonly LogRow[],
  received: readonly Received[],
): readonly LogRow[] {
  const unmatched = new Map<string, number>();
  for (const row of found) {
    const key = contentKey(row);
    unmatched.set(key, (unmatched.get(key) ?? 0) + 1);
  }
  const missing = received.filter(({ row }) => {
    const left = unmatched.get(row.id) ?? 0;
    unmatched.set(row.id, left - 1);
    return left <= 0;
  });
  if (missing.length === 0) return found;
  const rows = [...missing.map(({ row }) => row), ...found].map((row) => ({
    row,
    time: nanos(row.time),
  }));
  rows.sort((a, b) => (a.time === b.time ? 0 : a.time > b.time ? -1 : 1));
  return rows.map(({ row }) => row);
}

/** A name for each row that it keeps while others come before it, which equal rows do not share. */
export function rowKeys(rows: readonly LogRow[]): readonly string[] {
  const counts = new Map<string, number>();
  return rows
    .toReversed()
    .map((row) => {
      const key = contentKey(row);
      const before = counts.get(key) ?? 0;
      counts.set(key, before + 1);
      return before === 0 ? key : `${key}-${before}`;
    })
    .reverse();
}
