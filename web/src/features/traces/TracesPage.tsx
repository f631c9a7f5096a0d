import { useNavigate, useSearch } from "@tanstack/react-router";
import { useMemo, useState } from "react";
import { type TraceOrder, useTraceSearch } from "@/api/queries";
import { Page } from "@/app/Page";
import { isAboutQuery } from "@/app/QueryBar";
import { useTime, useTimeSearch } from "@/app/useTime";
import { WidenButton } from "@/app/WidenButton";
import { plural } from "@/lib/format";
import { parseTraceId, type TraceId } from "@/lib/ids";
import { nanos } from "@/lib/nanos";
import { Button, Segments } from "@/ui/controls";
import { Facets } from "@/ui/Facets";
import { Histogram, type Layer } from "@/ui/Histogram";
import { EmptyState, ErrorState, SendDataHint, SkeletonBlock, SkeletonRows } from "@/ui/states";
import { useLatest } from "@/ui/useLatest";
import { TraceList } from "./TraceList";

const LAYERS: readonly Layer[] = [
  { name: "errors", color: "var(--error)" },
  { name: "spans", color: "var(--bar)" },
];

const ORDERS: readonly { value: TraceOrder; label: string }[] = [
  { value: "newest", label: "Newest" },
  { value: "slowest", label: "Slowest" },
  { value: "oldest", label: "Oldest" },
];

/** Search for traces: filter, time, facets. */
export function TracesPage() {
  const { q = "", order: orderText } = useSearch({ from: "/traces" });
  const order = ORDERS.find(({ value }) => value === orderText)?.value ?? "newest";
  const { interval, setInterval } = useTime();
  const timeSearch = useTimeSearch();
  const navigate = useNavigate({ from: "/traces" });
  const search = useTraceSearch(interval, q, order);
  const [selected, setSelected] = useState(-1);

  const data = useLatest(search.data);
  const first = data?.pages[0];
  const traces = useMemo(() => data?.pages.flatMap((page) => page.traces) ?? [], [data]);
  const buckets = useMemo(
    () =>
      first?.histogram.buckets.map(({ time, count, error_count }) => ({
        time: nanos(time),
        counts: [error_count, count - error_count],
      })) ?? [],
    [first],
  );

  const openTrace = (traceId: TraceId) =>
    void navigate({ to: "/traces/$traceId", params: { traceId }, search: timeSearch });

  function submit(next: string): void {
    const id = parseTraceId(next);
    if (id) openTrace(id);
    else void navigate({ search: (old) => ({ ...old, q: next }) });
  }

  const fetchNext = search.hasNextPage && !search.isFetching ? search.fetchNextPage : undefined;

  return (
    <Page
      title="Traces"
      query={{
        label: "Filter traces",
        placeholder: "service.name = 'demo' AND duration > 100ms   or a trace id",
        value: q,
        onSubmit: submit,
        error: search.error,
        warnings: data?.pages[0]?.warnings,
      }}
      busy={search.isFetching}
      stats={data?.pages.at(-1)?.stats}
      summary={
        data
          ? search.hasNextPage
            ? `the first ${plural(traces.length, "trace")}`
            : plural(traces.length, "trace")
          : ""
      }
    >
      {search.error && !isAboutQuery(search.error) ? (
        <ErrorState
          what="The traces could not be loaded."
          error={search.error}
          onRetry={() => void search.refetch()}
        />
      ) : null}
      <div className="flex min-h-0 grow">
        {first && first.facets.length > 0 ? (
          <Facets facets={first.facets} q={q} onChange={submit} />
        ) : search.isPending && !data ? (
          <div className="w-[208px] shrink-0 border-line border-r">
            <SkeletonRows rows={10} height={24} />
          </div>
        ) : null}
        <div className="flex min-w-0 grow flex-col">
          {first ? (
            <Histogram
              label="Spans over time"
              buckets={buckets}
              step={nanos(first.histogram.step_ns)}
              layers={LAYERS}
              interval={interval}
              onBrush={setInterval}
            />
          ) : search.isPending && !data ? (
            <SkeletonBlock className="mx-3 mt-2 h-[72px] shrink-0" />
          ) : null}
          {first && traces.length > 0 ? (
            <>
              <div className="flex h-10 shrink-0 items-center gap-3 border-line border-b px-3">
                <Segments
                  label="Order"
                  value={order}
                  options={ORDERS}
                  onChange={(next) =>
                    void navigate({ search: (old) => ({ ...old, order: next }), replace: true })
                  }
                />
                <span className="text-faint">
                  {plural(
                    first.histogram.buckets.reduce((total, { count }) => total + count, 0),
                    "matching span",
                  )}
                </span>
              </div>
              <TraceList
                traces={traces}
                selected={selected}
                dimmed={search.isPlaceholderData || search.isError}
                timeSearch={timeSearch}
                onSelect={setSelected}
                onOpen={openTrace}
                onEnd={fetchNext}
                footer={search.isFetchingNextPage ? <SkeletonRows rows={3} /> : null}
              />
            </>
          ) : null}
          {search.isPending && !data ? <SkeletonRows /> : null}
          {first && traces.length === 0 ? (
            <EmptyState
              title="No traces match"
              actions={
                <>
                  {q ? <Button onClick={() => submit("")}>Clear the query</Button> : null}
                  <WidenButton />
                </>
              }
            >
              {q ? (
                <>
                  Nothing in this time range matches{" "}
                  <code className="font-mono text-[12px]">{q}</code>
                </>
              ) : (
                <SendDataHint />
              )}
            </EmptyState>
          ) : null}
        </div>
      </div>
    </Page>
  );
}
