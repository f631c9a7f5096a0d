import { useNavigate, useSearch } from "@tanstack/react-router";
import { useMemo } from "react";
import { type MetricChoice, useMetricList, useMetricQuery } from "@/api/queries";
import { useKeys } from "@/app/keys";
import { Page } from "@/app/Page";
import { isAboutQuery } from "@/app/QueryBar";
import { useTime, useTimeSearch } from "@/app/useTime";
import { WidenButton } from "@/app/WidenButton";
import { formatDuration, plural } from "@/lib/format";
import { nanos } from "@/lib/nanos";
import { Button, Segments, Select } from "@/ui/controls";
import { EmptyState, ErrorState, SendDataHint, SkeletonBlock, SkeletonRows } from "@/ui/states";
import { useLatest } from "@/ui/useLatest";
import { Chart } from "./Chart";
import { Legend } from "./Legend";
import { MetricList } from "./MetricList";
import {
  aggregationLabel,
  aggregationsOf,
  colorsOf,
  linesOf,
  type Metric,
  timesOf,
  typeLabel,
} from "./series";

/** One metric over time, by an attribute. */
export function MetricsPage() {
  const search = useSearch({ from: "/metrics" });
  const navigate = useNavigate({ from: "/metrics" });
  const { interval, setInterval } = useTime();
  const timeSearch = useTimeSearch();
  const q = search.q ?? "";
  const list = useMetricList(interval);
  const metricList = useLatest(list.data);
  const metrics = metricList?.metrics ?? [];

  const metric =
    metrics.find(
      ({ name, type }) => name === search.metric && (!search.type || type === search.type),
    ) ?? (search.metric ? null : (metrics[0] ?? null));
  const groupBy = search.by ?? "";
  const offered = metric ? aggregationsOf(metric) : [];
  const aggregation = offered.find((name) => name === search.agg) ?? metric?.default_aggregation;

  const choice = useMemo<MetricChoice | null>(
    () =>
      metric && aggregation
        ? {
            name: metric.name,
            type: metric.type,
            groupBy: groupBy ? [groupBy] : [],
            aggregations: [aggregation],
            q,
          }
        : null,
    [metric, aggregation, groupBy, q],
  );
  const query = useMetricQuery(interval, choice);
  const data = useLatest(query.data);

  const isolated = search.only ?? "";
  const times = useMemo(() => (data ? timesOf(data) : []), [data]);
  const lines = useMemo(() => {
    const all = data ? linesOf(data) : [];
    const known = all.some(({ key }) => key === isolated);
    const colors = colorsOf(all);
    return all.map((line) => ({
      ...line,
      color: colors.get(line.key) ?? "var(--text)",
      shown: !known || line.key === isolated,
    }));
  }, [data, isolated]);

  const setSearch = (change: Partial<typeof search>, replace = true) =>
    void navigate({ search: (old) => ({ ...old, ...change }), replace });

  function choose(next: Metric): void {
    // The grouping stays where the next metric has the attribute too.
    const by = next.attribute_keys.includes(groupBy) ? groupBy : "";
    setSearch({ metric: next.name, type: next.type, by, agg: "", only: "" }, false);
  }

  function step(by: number): void {
    const at = metric ? metrics.indexOf(metric) : -1;
    const next = metrics[Math.max(0, Math.min(metrics.length - 1, at + by))];
    if (next) choose(next);
  }

  useKeys({
    j: () => step(1),
    k: () => step(-1),
    ArrowDown: () => step(1),
    ArrowUp: () => step(-1),
  });

  const error = query.error ?? list.error;

  return (
    <Page
      title="Metrics"
      documentTitle={metric?.name}
      query={{
        label: "Filter metric points",
        placeholder: "service.name = 'demo' AND url.path = '/fibonacci'",
        value: q,
        onSubmit: (next) => setSearch({ q: next }, false),
        error: query.error,
        warnings: data?.warnings,
      }}
      busy={list.isFetching || query.isFetching}
      stats={data?.stats ?? metricList?.stats}
      summary={metricList ? plural(metrics.length, "metric") : ""}
    >
      {error && !isAboutQuery(error) ? (
        <ErrorState
          what="The metric could not be loaded."
          error={error}
          onRetry={() => {
            void list.refetch();
            if (choice) void query.refetch();
          }}
        />
      ) : null}
      {list.isPending && !metricList ? (
        <div className="flex min-h-0 grow">
          <div className="w-[300px] border-line border-r">
            <SkeletonRows height={44} rows={8} />
          </div>
          <SkeletonBlock className="m-4 h-72 grow" />
        </div>
      ) : null}
      {metricList && metrics.length === 0 ? (
        <EmptyState title="No metrics in this time range" actions={<WidenButton />}>
          <SendDataHint />
        </EmptyState>
      ) : null}
      {metrics.length > 0 ? (
        <div className="flex min-h-0 grow">
          <MetricList metrics={metrics} chosen={metric} onChoose={choose} />
          <div className="flex min-w-0 grow flex-col overflow-y-auto">
            {metric ? (
              <>
                <MetricHeader metric={metric} />
                <div className="flex shrink-0 flex-wrap items-center gap-4 px-4 pb-2">
                  <Segments
                    label="Aggregation"
                    value={aggregation ?? ""}
                    options={offered.map((name) => ({
                      value: name,
                      label: aggregationLabel(name, metric),
                    }))}
                    onChange={(next) => setSearch({ agg: next, only: "" })}
                  />
                  <Select
                    label="Group by"
                    value={groupBy}
                    onChange={(next) => setSearch({ by: next, only: "" })}
                  >
                    <option value="">nothing</option>
                    <option value="service.name">service.name</option>
                    {metric.attribute_keys
                      .filter((key) => key !== "service.name")
                      .map((key) => (
                        <option key={key} value={key}>
                          {key}
                        </option>
                      ))}
                  </Select>
                  {isolated ? (
                    <Button onClick={() => setSearch({ only: "" })}>Show all series</Button>
                  ) : null}
                </div>
                {query.isPending && !data ? <SkeletonBlock className="m-4 h-72 shrink-0" /> : null}
                {data && lines.length > 0 ? (
                  <>
                    <p className="shrink-0 px-4 text-muted">
                      {data.aggregations.map(({ drawn }) => drawn).join(", ")}
                      <span className="text-faint">
                        {" "}
                        · one point per {formatDuration(nanos(data.step_ns))}
                      </span>
                    </p>
                    <div
                      className={`shrink-0 transition-opacity duration-100 ${query.isPlaceholderData || query.isError ? "opacity-55 delay-150" : ""}`}
                    >
                      <Chart
                        label={`${data.name}, ${data.aggregations.map(({ drawn }) => drawn).join(", ")}`}
                        times={times}
                        lines={lines}
                        unit={data.aggregations[0]?.unit ?? data.unit}
                        interval={interval}
                        onBrush={setInterval}
                      />
                    </div>
                    <div className="mt-2 px-1">
                      <Legend
                        lines={lines}
                        services={metric.services}
                        timeSearch={timeSearch}
                        isolated={isolated}
                        dimmed={query.isPlaceholderData || query.isError}
                        onIsolate={(key) => setSearch({ only: key })}
                      />
                      {data.series_omitted > 0 ? (
                        <p className="px-3 py-2 text-muted">
                          {data.series_omitted} more series are not drawn. Filter to see them.
                        </p>
                      ) : null}
                    </div>
                  </>
                ) : null}
                {data && lines.length === 0 ? (
                  <EmptyState
                    title="No points match"
                    actions={
                      <>
                        {q ? (
                          <Button onClick={() => setSearch({ q: "" })}>Clear the query</Button>
                        ) : null}
                        <WidenButton />
                      </>
                    }
                  >
                    The metric has no points for this filter in this time range.
                  </EmptyState>
                ) : null}
              </>
            ) : (
              <EmptyState title={`${search.metric} has no points here`} actions={<WidenButton />}>
                Choose another metric, or a longer time range.
              </EmptyState>
            )}
          </div>
        </div>
      ) : null}
    </Page>
  );
}

function MetricHeader({ metric }: { metric: Metric }) {
  return (
    <section aria-label="Metric" className="shrink-0 px-4 pt-3 pb-2">
      <div className="flex flex-wrap items-baseline gap-x-3">
        <h2 className="font-semibold text-[15px]">{metric.name}</h2>
        <span className="text-muted">{typeLabel(metric)}</span>
        <span className="text-muted">
          unit <span className="font-mono text-[12px]">{metric.unit || "1"}</span>
        </span>
        {metric.type === "gauge" ? null : (
          <span className="text-faint">{metric.temporalities.join(", ")}</span>
        )}
      </div>
      {metric.description ? <p className="text-muted">{metric.description}</p> : null}
    </section>
  );
}
