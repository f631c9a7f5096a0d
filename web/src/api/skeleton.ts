import { nanos } from "@/lib/nanos";
import type { Schemas } from "./client";

type Skeleton = Schemas["TraceSkeleton"];
type Span = Schemas["Span"];

/** Bit of the column `flags`: the span names a parent that is not above it. */
const PARENT_MISSING = 8;
/** By their numbers in OTLP. */
const KINDS = ["unspecified", "internal", "server", "client", "producer", "consumer"] as const;
const STATUSES = ["unset", "ok", "error"] as const;

/**
 * The spans of a skeleton, without what it does not tell: attributes, events, links, messages.
 * A parent that is missing has the id "".
 */
export function spansOf(skeleton: Skeleton): Span[] {
  const { columns, names, services } = skeleton;
  const origin = nanos(skeleton.start_time);
  const sent = new Map<string, number>();
  for (const id of columns.span_id) sent.set(id, (sent.get(id) ?? 0) + 1);

  return columns.span_id.map((id, index) => {
    const start = origin + BigInt(columns.start_ns[index] ?? 0);
    const duration = BigInt(columns.duration_ns[index] ?? 0);
    const kind = columns.kind[index] ?? 0;
    const status = columns.status[index] ?? 0;
    const missing = ((columns.flags[index] ?? 0) & PARENT_MISSING) !== 0;
    return {
      same_id_count: sent.get(id) ?? 1,
      span_id: id,
      parent_span_id: columns.span_id[columns.parent[index] ?? -1] ?? (missing ? "" : null),
      service_name: services[columns.service[index] ?? 0]?.name ?? "",
      name: names[columns.name[index] ?? 0] ?? "",
      kind: KINDS[kind] ?? "unknown",
      kind_number: kind,
      start_time: String(start),
      end_time: String(start + duration),
      duration_ns: String(duration),
      status: { code: STATUSES[status] ?? "unknown", code_number: status, message: "" },
      trace_state: "",
      flags: 0,
      resource_id: "",
      scope_id: "",
      attributes: [],
      dropped_attributes_count: 0,
      events: [],
      dropped_events_count: 0,
      links: [],
      dropped_links_count: 0,
    };
  });
}

/** Of spans that share an id, the one that the skeleton means by `span`. */
export function sameSpan(candidates: readonly Span[], span: Span): Span | undefined {
  return (
    candidates.find(
      (other) =>
        other.start_time === span.start_time &&
        other.duration_ns === span.duration_ns &&
        other.name === span.name &&
        other.service_name === span.service_name,
    ) ?? candidates[0]
  );
}
