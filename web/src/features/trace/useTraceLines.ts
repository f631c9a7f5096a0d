import { useMemo } from "react";
import type { Schemas } from "@/api/client";
import { useRelatedLogs } from "@/api/queries";
import type { SpanId, TraceId } from "@/lib/ids";
import type { Nanos } from "@/lib/nanos";
import { SEVERITIES } from "@/lib/severity";

export type LogRecord = Schemas["LogRecord"];

type Pages = { readonly pages: readonly Schemas["LogSearch"][] };

/** The log lines of a trace in time order, and all about those of one span, however many there are. */
export type TraceLines = {
  /** Undefined until the first of them are there. */
  readonly lines: readonly LogRecord[] | undefined;
  /** How many of `lines`, from the first, leave none of the trace out; then come the span's only. */
  readonly complete: number;
  readonly inTrace: number;
  /** Undefined until it is known. */
  readonly ofSpan: number | undefined;
  /** Null if all are there. */
  readonly showMoreOfTrace: (() => void) | null;
  readonly showMoreOfSpan: (() => void) | null;
  /** Whether more of them are on their way. */
  readonly busy: boolean;
  readonly error: Error | null;
  readonly retry: () => void;
};

export function useTraceLines(
  traceId: TraceId,
  spanId: SpanId | null,
  traceEnd: Nanos,
): TraceLines {
  const ofTrace = useRelatedLogs(traceId, null, traceEnd, true);
  // Where no page of the trace is missing, the span's lines are among them.
  const asksForSpan = spanId !== null && ofTrace.hasNextPage;
  const ofSpan = useRelatedLogs(traceId, spanId, traceEnd, asksForSpan);

  const first = useMemo(() => records(ofTrace.data), [ofTrace.data]);
  const further = useMemo(
    () => (asksForSpan ? without(records(ofSpan.data), first) : []),
    [asksForSpan, ofSpan.data, first],
  );
  const failed = ofTrace.error ? ofTrace : ofSpan;

  return {
    // The trace's pages are its oldest lines: what they lack of the span comes after them.
    lines: useMemo(
      () => (ofTrace.data ? [...first, ...further] : undefined),
      [ofTrace.data, first, further],
    ),
    complete: first.length,
    inTrace: Math.max(total(ofTrace.data), first.length),
    ofSpan: asksForSpan
      ? ofSpan.data && total(ofSpan.data)
      : ofTrace.data && first.filter(({ span_id }) => span_id === spanId).length,
    showMoreOfTrace: ofTrace.hasNextPage ? () => void ofTrace.fetchNextPage() : null,
    showMoreOfSpan: asksForSpan && ofSpan.hasNextPage ? () => void ofSpan.fetchNextPage() : null,
    busy: ofTrace.isFetchingNextPage || ofSpan.isFetchingNextPage,
    error: failed.error,
    retry: () => void (failed.isFetchNextPageError ? failed.fetchNextPage() : failed.refetch()),
  };
}

function records(data: Pages | undefined): readonly LogRecord[] {
  return data?.pages.flatMap(({ logs }) => logs) ?? [];
}

function without(lines: readonly LogRecord[], others: readonly LogRecord[]): readonly LogRecord[] {
  const ids = new Set(others.map(({ id }) => id));
  return lines.filter(({ id }) => !ids.has(id));
}

/** As the histogram of the first page counts them. */
function total(data: Pages | undefined): number {
  const buckets = data?.pages[0]?.histogram.buckets ?? [];
  return buckets.reduce(
    (all, bucket) => all + SEVERITIES.reduce((sum, name) => sum + bucket[name], 0),
    0,
  );
}
