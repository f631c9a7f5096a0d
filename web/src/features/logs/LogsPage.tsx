import { useNavigate, useSearch } from "@tanstack/react-router";
import { useMemo, useState } from "react";
import type { Severity } from "@/api/client";
import { useLogSearch } from "@/api/queries";
import { useKeys } from "@/app/keys";
import { Page } from "@/app/Page";
import { isAboutQuery } from "@/app/QueryBar";
import { useTime } from "@/app/useTime";
import { WidenButton } from "@/app/WidenButton";
import { addTerm, condition } from "@/lib/filter";
import { formatCount, formatDate } from "@/lib/format";
import { millisFromNanos, nanos } from "@/lib/nanos";
import { SEVERITIES, SEVERITY_COLOR, SEVERITY_MIN } from "@/lib/severity";
import { Button, Segments } from "@/ui/controls";
import { Facets } from "@/ui/Facets";
import { Histogram } from "@/ui/Histogram";
import { SplitPane } from "@/ui/SplitPane";
import { EmptyState, ErrorState, SendDataHint, SkeletonBlock, SkeletonRows } from "@/ui/states";
import { useLatest } from "@/ui/useLatest";
import { VirtualList } from "@/ui/VirtualList";
import { LiveNote } from "./LiveNote";
import { LogLine } from "./LogLine";
import { LogPanel } from "./LogPanel";
import { contentKey, rowKeys } from "./received";
import { useLiveRows } from "./useLiveRows";

const LAYERS = SEVERITIES.map((name) => ({ name, color: SEVERITY_COLOR[name] }));

const FILTERS: readonly { value: Severity; label: string; title: string }[] = [
  { value: "unspecified", label: "All", title: "All severities" },
  { value: "debug", label: "Debug+", title: "Debug and worse" },
  { value: "info", label: "Info+", title: "Info and worse" },
  { value: "warn", label: "Warn+", title: "Warnings and worse" },
  { value: "error", label: "Error+", title: "Errors and worse" },
];

const ORDERS = [
  { value: "newest", label: "Newest" },
  { value: "oldest", label: "Oldest" },
] as const;

/** Search for log records: filter, severity, time, facets. */
export function LogsPage() {
  const search = useSearch({ from: "/logs" });
  const navigate = useNavigate({ from: "/logs" });
  const { interval, setInterval } = useTime();
  const q = search.q ?? "";
  const severity = FILTERS.find(({ value }) => value === search.severity)?.value ?? "unspecified";
  const order = search.order === "oldest" ? "oldest" : "newest";

  const logs = useLogSearch(interval, { q, severityMin: SEVERITY_MIN[severity], order });
  const [expanded, setExpanded] = useState<ReadonlySet<string>>(new Set());
  const [cursor, setCursor] = useState("");

  const data = useLatest(logs.data);
  const first = data?.pages[0];
  const found = useMemo(() => data?.pages.flatMap((page) => page.logs) ?? [], [data]);
  const isAnswered = logs.data !== undefined && !logs.isPlaceholderData;
  const searchedMs = useLatest(isAnswered ? millisFromNanos(interval.end) : undefined) ?? 0;
  const live = useLiveRows(found, {
    q: severity === "unspecified" ? q : addTerm(q, condition("severity", ">=", severity)),
    newestFirst: order === "newest",
    refused: isAboutQuery(logs.error),
    searchedMs,
  });
  const records = live.rows;
  const keys = useMemo(() => rowKeys(records), [records]);
  const buckets = useMemo(
    () =>
      first?.histogram.buckets.map((bucket) => ({
        time: nanos(bucket.time),
        counts: SEVERITIES.map((name) => bucket[name]),
      })) ?? [],
    [first],
  );
  const total = buckets.reduce(
    (all, { counts }) => all + counts.reduce((sum, count) => sum + count, 0),
    0,
  );

  const openedAt = search.log
    ? records.findIndex((record) => record.id === search.log || contentKey(record) === search.log)
    : -1;
  const opened = records[openedAt];
  const selected = openedAt >= 0 ? openedAt : keys.indexOf(cursor);
  const page = opened && data?.pages.find(({ logs: rows }) => rows.includes(opened));
  const withDate = formatDate(interval.start) !== formatDate(interval.end);

  const setSearch = (change: Partial<typeof search>, replace = true) =>
    void navigate({ search: (old) => ({ ...old, ...change }), replace });
  const setQuery = (next: string) => setSearch({ q: next }, false);
  const filter = (term: string) => setQuery(addTerm(q, term));

  function open(index: number): void {
    const record = records[index];
    if (!record) return;
    setCursor(keys[index] ?? "");
    setSearch({ log: record.id });
  }

  function select(index: number): void {
    if (opened) open(index);
    else setCursor(keys[index] ?? "");
  }

  useKeys({
    " ": () => {
      const key = keys[selected];
      if (key === undefined) return false;
      setExpanded((old) => {
        const next = new Set(old);
        if (!next.delete(key)) next.add(key);
        return next;
      });
    },
    Escape: () => {
      if (!search.log) return false;
      setSearch({ log: "" });
    },
  });

  const fetchNext = logs.hasNextPage && !logs.isFetching ? logs.fetchNextPage : undefined;

  return (
    <Page
      title="Logs"
      query={{
        label: "Filter logs",
        placeholder: "'text in the body' AND service.name = 'demo' AND severity >= warn",
        value: q,
        onSubmit: setQuery,
        error: logs.error,
        warnings: data?.pages[0]?.warnings,
      }}
      busy={logs.isFetching}
      stats={data?.pages.at(-1)?.stats}
      summary={
        data
          ? `${formatCount(records.length)} of ${formatCount(Math.max(total, records.length))} log records`
          : ""
      }
    >
      {logs.error && !isAboutQuery(logs.error) ? (
        <ErrorState
          what="The logs could not be loaded."
          error={logs.error}
          onRetry={() => void logs.refetch()}
        />
      ) : null}
      <SplitPane
        id="log"
        panel={
          opened ? (
            <LogPanel
              record={opened}
              resource={opened.resource ?? page?.resources[opened.resource_id]}
              scope={opened.scope ?? page?.scopes[opened.scope_id]}
              onFilter={filter}
              onStep={(step) => open(Math.max(0, Math.min(records.length - 1, openedAt + step)))}
              onClose={() => setSearch({ log: "" })}
            />
          ) : null
        }
      >
        <div className="flex min-h-0 grow">
          {first && first.facets.length > 0 ? (
            <Facets facets={first.facets} q={q} onChange={setQuery} />
          ) : logs.isPending && !data ? (
            <div className="w-[208px] shrink-0 border-line border-r">
              <SkeletonRows rows={10} height={24} />
            </div>
          ) : null}
          <div className="flex min-w-0 grow flex-col">
            {first ? (
              <Histogram
                label="Log records over time"
                buckets={buckets}
                step={nanos(first.histogram.step_ns)}
                layers={LAYERS}
                interval={interval}
                onBrush={setInterval}
              />
            ) : logs.isPending && !data ? (
              <SkeletonBlock className="mx-3 mt-2 h-[72px] shrink-0" />
            ) : null}
            {first ? (
              <div className="flex h-10 shrink-0 items-center gap-3 border-line border-b px-3">
                <Segments
                  label="Severity"
                  value={severity}
                  options={FILTERS}
                  onChange={(next) => setSearch({ severity: next === "unspecified" ? "" : next })}
                />
                <Segments
                  label="Order"
                  value={order}
                  options={ORDERS}
                  onChange={(next) => setSearch({ order: next === "newest" ? "" : next })}
                />
                <LiveNote {...live} />
              </div>
            ) : null}
            {logs.isPending && !data ? <SkeletonRows rows={20} height={22} /> : null}
            {records.length > 0 ? (
              <VirtualList
                label="Log records"
                items={records}
                itemKey={(record, index) => keys[index] ?? record.id}
                rowHeight={22}
                measured
                selected={selected}
                dimmed={logs.isPlaceholderData || logs.isError}
                onSelect={select}
                onOpen={open}
                onEnd={fetchNext}
                footer={logs.isFetchingNextPage ? <SkeletonRows rows={3} height={22} /> : null}
                renderRow={(record, index) => (
                  <LogLine
                    record={record}
                    selected={index === selected}
                    expanded={expanded.has(keys[index] ?? "")}
                    withDate={withDate}
                    onOpen={() => open(index)}
                    onFilter={filter}
                  />
                )}
              />
            ) : null}
            {first && records.length === 0 ? (
              <EmptyState
                title="No log records match"
                actions={
                  <>
                    {q ? <Button onClick={() => setQuery("")}>Clear the query</Button> : null}
                    {severity !== "unspecified" ? (
                      <Button onClick={() => setSearch({ severity: "" })}>
                        Show all severities
                      </Button>
                    ) : null}
                    <WidenButton />
                  </>
                }
              >
                {q ? (
                  <>
                    Nothing in this time range matches{" "}
                    <code className="font-mono text-[12px]">{q}</code>
                  </>
                ) : severity === "unspecified" ? (
                  <SendDataHint />
                ) : (
                  "Nothing as severe arrived in this time range."
                )}
              </EmptyState>
            ) : null}
          </div>
        </div>
      </SplitPane>
    </Page>
  );
}
