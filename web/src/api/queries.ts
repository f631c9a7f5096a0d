import { keepPreviousData, QueryClient, useInfiniteQuery, useQuery } from "@tanstack/react-query";
import { nextLook, nextLookForAbsent } from "@/lib/growth";
import type { SpanId, TraceId } from "@/lib/ids";
import { type Nanos, nanos } from "@/lib/nanos";
import type { Interval } from "@/lib/timeRange";
import { ApiError, api, isNotFound, type Schemas, unwrap } from "./client";
import { spansOf } from "./skeleton";

/** Every hook here passes its signal on: leaving a view aborts what it asked for. */
export function createQueryClient(): QueryClient {
  return new QueryClient({
    defaultOptions: {
      queries: {
        // A range is part of the key, so an answer never becomes stale under its key.
        staleTime: Number.POSITIVE_INFINITY,
        gcTime: 60_000,
        refetchOnWindowFocus: false,
        // All else fails again however often it is asked.
        retry: (failures, error) =>
          error instanceof ApiError && error.status === 503 && failures < 2,
        retryDelay: (failures, error) =>
          ((error instanceof ApiError && error.retryAfterMs) || 1000) * 2 ** failures,
      },
    },
  });
}

function bounds({ start, end }: Interval): { start: string; end: string } {
  return { start: start.toString(), end: end.toString() };
}

export function useServerStatus() {
  return useQuery({
    queryKey: ["status"],
    queryFn: ({ signal }) => unwrap(api.GET("/api/v1/status", { signal })),
  });
}

export function useServices(interval: Interval) {
  const range = bounds(interval);
  return useQuery({
    queryKey: ["services", range],
    queryFn: ({ signal }) =>
      unwrap(api.GET("/api/v1/services", { params: { query: range }, signal })),
    placeholderData: keepPreviousData,
  });
}

export type TraceOrder = "newest" | "oldest" | "slowest";

export function useTraceSearch(interval: Interval, q: string, order: TraceOrder) {
  const range = bounds(interval);
  return useInfiniteQuery({
    queryKey: ["traces", range, q, order],
    queryFn: ({ signal, pageParam }) =>
      unwrap(
        api.GET("/api/v1/traces", {
          params: {
            query: {
              ...range,
              ...(q ? { q } : {}),
              ...(pageParam ? { cursor: pageParam, include: ["rows"] } : {}),
              order,
              limit: 100,
            },
          },
          signal,
        }),
      ),
    initialPageParam: "",
    getNextPageParam: (page) => page.next_cursor,
    placeholderData: keepPreviousData,
  });
}

/** Of a trace with more spans only the skeleton is asked for; everything else of a span when it is opened. */
const MOST_SPANS_AT_ONCE = 2000;

/**
 * A trace and the end of its last span; asked for again while more of it may arrive. Of a large trace the spans have
 * only what its skeleton tells: see useSpanDetails.
 */
export function useTrace(traceId: TraceId) {
  return useQuery({
    queryKey: ["trace", traceId],
    queryFn: async ({ signal }) => {
      const params = { path: { trace_id: traceId } };
      const skeleton = await unwrap(
        api.GET("/api/v1/traces/{trace_id}/skeleton", { params, signal }),
      );
      if (skeleton.columns.span_id.length > MOST_SPANS_AT_ONCE) {
        const spans = spansOf(skeleton);
        const { truncated, stats } = skeleton;
        return { spans, truncated, stats, large: true, lastEnd: lastEnd(spans) };
      }
      const trace = await unwrap(api.GET("/api/v1/traces/{trace_id}", { params, signal }));
      return { ...trace, large: false, lastEnd: lastEnd(trace.spans) };
    },
    refetchInterval: ({ state }) => {
      if (state.data) {
        return state.data.truncated
          ? false
          : nextLook(state.data.lastEnd, state, state.data.spans.length);
      }
      return isNotFound(state.error) ? nextLookForAbsent(state.errorUpdateCount) : false;
    },
  });
}

/** Everything that was sent for the spans of a trace with this id. */
export function useSpanDetails(traceId: TraceId, spanId: SpanId | null, enabled: boolean) {
  return useQuery({
    queryKey: ["span", traceId, spanId],
    enabled: enabled && spanId !== null,
    queryFn: ({ signal }) =>
      unwrap(
        api.GET("/api/v1/traces/{trace_id}/spans", {
          params: { path: { trace_id: traceId }, query: { span_id: spanId ? [spanId] : [] } },
          signal,
        }),
      ),
  });
}

function lastEnd(spans: readonly Schemas["Span"][]): Nanos {
  let last = 0n;
  for (const { end_time } of spans) {
    const end = nanos(end_time);
    if (end > last) last = end;
  }
  return last;
}

/**
 * The log records of a trace, or of one of its spans, in time order; their number on the first page.
 * Asked for again like the trace, whose last span ended at `traceEnd`.
 */
export function useRelatedLogs(
  traceId: TraceId,
  spanId: SpanId | null,
  traceEnd: Nanos,
  enabled: boolean,
) {
  return useInfiniteQuery({
    queryKey: ["related-logs", traceId, spanId],
    enabled,
    queryFn: ({ signal, pageParam }) =>
      unwrap(
        api.GET("/api/v1/logs", {
          params: {
            query: {
              trace_id: traceId,
              ...(spanId ? { span_id: spanId } : {}),
              ...(pageParam
                ? { cursor: pageParam, include: ["rows"] }
                : { include: ["rows", "histogram"] }),
              order: "oldest",
              limit: 500,
            },
          },
          signal,
        }),
      ),
    initialPageParam: "",
    getNextPageParam: (page) => page.next_cursor,
    // Last: the types of the above must be known.
    refetchInterval: ({ state }) =>
      state.data
        ? nextLook(
            traceEnd,
            state,
            state.data.pages.reduce((count, { logs }) => count + logs.length, 0),
          )
        : false,
  });
}

/** Whether log records without a trace id arrived from `services` in `interval`. */
export function useUncorrelatedLogs(
  interval: Interval,
  services: readonly string[],
  enabled: boolean,
) {
  const range = bounds(interval);
  return useQuery({
    queryKey: ["uncorrelated-logs", range, services],
    enabled,
    queryFn: async ({ signal }) => {
      const answers = await Promise.all(
        services.slice(0, 10).map((service) =>
          unwrap(
            api.GET("/api/v1/logs", {
              params: {
                query: {
                  ...range,
                  service,
                  q: "NOT trace_id EXISTS",
                  limit: 1,
                  include: ["rows"],
                },
              },
              signal,
            }),
          ),
        ),
      );
      return answers.some(({ logs }) => logs.length > 0);
    },
  });
}

export type LogFilter = {
  q: string;
  severityMin: number;
  order: "newest" | "oldest";
  traceId?: TraceId;
  spanId?: SpanId;
};

export function useLogSearch(interval: Interval, filter: LogFilter) {
  const range = bounds(interval);
  return useInfiniteQuery({
    queryKey: ["logs", range, filter],
    queryFn: ({ signal, pageParam }) =>
      unwrap(
        api.GET("/api/v1/logs", {
          params: {
            query: {
              ...range,
              ...(filter.q ? { q: filter.q } : {}),
              ...(filter.severityMin > 0 ? { severity_min: filter.severityMin } : {}),
              ...(pageParam ? { cursor: pageParam, include: ["rows"] } : {}),
              order: filter.order,
              limit: 200,
            },
          },
          signal,
        }),
      ),
    initialPageParam: "",
    getNextPageParam: (page) => page.next_cursor,
    placeholderData: keepPreviousData,
  });
}

export function useMetricList(interval: Interval) {
  const range = bounds(interval);
  return useQuery({
    queryKey: ["metrics", range],
    queryFn: ({ signal }) =>
      unwrap(api.GET("/api/v1/metrics", { params: { query: range }, signal })),
    placeholderData: keepPreviousData,
  });
}

export type MetricChoice = {
  name: string;
  type: Schemas["MetricType"];
  groupBy: readonly string[];
  aggregations: readonly Schemas["Aggregation"][];
  q: string;
};

export function useMetricQuery(interval: Interval, choice: MetricChoice | null) {
  const range = bounds(interval);
  return useQuery({
    queryKey: ["metric", range, choice],
    enabled: choice !== null,
    queryFn: ({ signal }) => {
      if (choice === null) throw new Error("No metric is chosen.");
      const answer = unwrap(
        api.GET("/api/v1/metrics/query", {
          params: {
            query: {
              ...range,
              name: choice.name,
              type: choice.type,
              ...(choice.groupBy.length > 0 ? { group_by: [...choice.groupBy] } : {}),
              ...(choice.aggregations.length > 0 ? { aggregation: [...choice.aggregations] } : {}),
              ...(choice.q ? { q: choice.q } : {}),
            },
          },
          signal,
        }),
      );
      // openapi-fetch widens the points from pairs to arrays.
      return answer as Promise<Schemas["MetricQuery"]>;
    },
    placeholderData: keepPreviousData,
  });
}
