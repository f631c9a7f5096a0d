import { describe, expect, it } from "vitest";
import { serviceColor } from "@/lib/color";
import {
  aggregationLabel,
  aggregationsOf,
  colorsOf,
  linesOf,
  type MetricQuery,
  timesOf,
  traceFilter,
  typeLabel,
} from "./series";

const query: MetricQuery = {
  name: "http.server.request.duration",
  type: "histogram",
  unit: "s",
  description: "",
  temporalities: ["cumulative"],
  is_monotonic: true,
  aggregations: [{ aggregation: "p99", unit: "s", drawn: "p99 of measurements per 1 min" }],
  warnings: [],
  start: "0",
  end: "3000000000",
  step_ns: "1000000000",
  series: [
    {
      labels: { "url.path": "/fibonacci" },
      aggregation: "p99",
      points: [
        ["1700000000500000000", 0.5],
        ["1700000001500000000", null],
        ["1700000002500000000", 0.7],
      ],
    },
    { labels: { "url.path": "" }, aggregation: "p99", points: [["1700000000500000000", null]] },
  ],
  series_omitted: 0,
  exemplars: [],
  stats: { rows_read: "0", bytes_read: "0", elapsed_ms: 0 },
};

describe("linesOf", () => {
  it("keeps gaps as gaps and leaves them out of the statistics", () => {
    const [line] = linesOf(query);
    expect(line?.values).toEqual([0.5, null, 0.7]);
    expect(line).toMatchObject({ name: "/fibonacci", last: 0.7, min: 0.5, avg: 0.6, max: 0.7 });
  });

  it("names an absent attribute and has no statistics without values", () => {
    expect(linesOf(query)[1]).toMatchObject({ name: "(none)", last: null, avg: null });
  });
});

describe("colorsOf", () => {
  it("stay with the names when the order of the answer changes", () => {
    const lines = linesOf(query);
    const turned = [...lines].reverse();
    expect(colorsOf(turned)).toEqual(colorsOf(lines));
    expect(new Set(colorsOf(lines).values()).size).toBe(2);
  });

  it("are the services' own when grouped by service", () => {
    const [first] = query.series;
    if (!first) throw new Error("no series");
    const lines = linesOf({ ...query, series: [{ ...first, labels: { "service.name": "demo" } }] });
    expect([...colorsOf(lines).values()]).toEqual([serviceColor("demo")]);
  });
});

describe("traceFilter", () => {
  it("names the labels that have a value, and the only service", () => {
    const [fibonacci, none] = linesOf(query);
    if (!fibonacci || !none) throw new Error("no lines");
    expect(traceFilter(fibonacci, ["demo"])).toBe(
      "service.name = 'demo' AND attribute.url.path = '/fibonacci'",
    );
    expect(traceFilter(none, ["a", "b"])).toBe("");
  });
});

describe("timesOf", () => {
  it("are seconds with their milliseconds", () => {
    expect(timesOf(query)).toEqual([1_700_000_000.5, 1_700_000_001.5, 1_700_000_002.5]);
  });
});

describe("aggregationsOf", () => {
  it("never offers a rate of an up-down counter", () => {
    const upDown = { type: "sum", is_monotonic: false } as const;
    expect(aggregationsOf(upDown)).not.toContain("rate");
    expect(aggregationLabel("sum", upDown)).toBe("value");
    expect(typeLabel(upDown)).toBe("up-down counter");
  });

  it("offers rates of counters and quantiles of histograms", () => {
    expect(aggregationsOf({ type: "sum", is_monotonic: true })[0]).toBe("rate");
    expect(aggregationsOf({ type: "histogram", is_monotonic: true })).toContain("p99");
  });
});
