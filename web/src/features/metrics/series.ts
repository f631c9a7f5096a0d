import type { Schemas } from "@/api/client";
import { seriesColor, serviceColor } from "@/lib/color";
import { condition } from "@/lib/filter";
import { nanos } from "@/lib/nanos";

export type Metric = Schemas["Metric"];
export type MetricQuery = Schemas["MetricQuery"];
export type Aggregation = Schemas["Aggregation"];

/** One line of the chart with what the legend says about it. */
export type Line = {
  /** Unique in the chart: labels and aggregation. */
  readonly key: string;
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly aggregation: Aggregation;
  readonly unit: string;
  readonly values: readonly (number | null)[];
  readonly last: number | null;
  readonly min: number | null;
  readonly avg: number | null;
  readonly max: number | null;
};

/** What can be drawn of a metric, the most telling first. */
export function aggregationsOf(metric: Pick<Metric, "type" | "is_monotonic">): Aggregation[] {
  switch (metric.type) {
    case "histogram":
    case "exponential_histogram":
      return ["p50", "p90", "p95", "p99", "avg", "rate", "count", "sum"];
    case "summary":
      return ["p50", "p90", "p95", "p99", "avg", "count", "sum"];
    case "sum":
      // A counter that goes up and down is a value, never a rate.
      return metric.is_monotonic ? ["rate", "increase"] : ["sum", "avg", "min", "max"];
    case "gauge":
      return ["avg", "sum", "min", "max", "last"];
  }
}

export function aggregationLabel(
  aggregation: Aggregation,
  metric: Pick<Metric, "type" | "is_monotonic">,
): string {
  if (aggregation === "sum" && metric.type === "sum" && !metric.is_monotonic) return "value";
  return aggregation;
}

/** "up-down counter" says more than "sum, not monotonic". */
export function typeLabel({ type, is_monotonic }: Pick<Metric, "type" | "is_monotonic">): string {
  if (type === "sum") return is_monotonic ? "counter" : "up-down counter";
  return type.replace("_", " ");
}

/** Seconds since 1970 for the x axis, common to all series. */
export function timesOf({ series }: MetricQuery): number[] {
  return (series[0]?.points ?? []).map(([time]) => Number(nanos(time) / 1_000_000n) / 1000);
}

export function linesOf(query: MetricQuery): Line[] {
  const units = new Map(query.aggregations.map(({ aggregation, unit }) => [aggregation, unit]));
  const several = query.aggregations.length > 1;
  return query.series.map(({ labels, aggregation, points }) => {
    const values = points.map(([, value]) => value);
    const known = values.filter((value) => value !== null);
    const shown = Object.values(labels).map((value) => value || "(none)");
    const name = [...shown, ...(several ? [aggregation] : [])].join(" · ") || query.name;
    return {
      key: JSON.stringify([aggregation, labels]),
      name,
      labels,
      aggregation,
      unit: units.get(aggregation) ?? query.unit,
      values,
      last: known.at(-1) ?? null,
      min: known.length > 0 ? known.reduce((a, b) => Math.min(a, b)) : null,
      avg: known.length > 0 ? known.reduce((a, b) => a + b, 0) / known.length : null,
      max: known.length > 0 ? known.reduce((a, b) => Math.max(a, b)) : null,
    };
  });
}

/**
 * A colour for each line, by its key. They follow the names, not the order of the answer, which
 * changes with the values; services keep the colour that they have everywhere.
 */
export function colorsOf(lines: readonly Line[]): ReadonlyMap<string, string> {
  const byName = [...lines].sort((a, b) => (a.name < b.name ? -1 : a.name > b.name ? 1 : 0));
  return new Map(
    byName.map(({ key, labels }, rank) => {
      const fields = Object.keys(labels);
      const service = fields.length === 1 ? labels["service.name"] : undefined;
      return [key, service ? serviceColor(service) : seriesColor(rank)];
    }),
  );
}

/** A label as a field of spans: what a point has as an attribute, its span has as one. */
function spanField(label: string): string {
  const saysWhere = label === "service.name" || /^(?:attribute|resource|scope)\./.test(label);
  return saysWhere ? label : `attribute.${label}`;
}

/** A filter for the traces that a line speaks of: its labels, and its service if there is one. */
export function traceFilter(line: Line, services: readonly string[]): string {
  const terms = Object.entries(line.labels)
    .filter(([, value]) => value !== "")
    .map(([label, value]) => condition(spanField(label), "=", value));
  const [service] = services;
  if (service && services.length === 1 && !("service.name" in line.labels)) {
    terms.unshift(condition("service.name", "=", service));
  }
  return terms.join(" AND ");
}
