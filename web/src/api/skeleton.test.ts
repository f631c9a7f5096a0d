import { describe, expect, it } from "vitest";
import { buildTrace } from "@/features/trace/model";
import { sameSpan, spansOf } from "./skeleton";

const SKELETON = {
  trace_id: "0af7651916cd43dd8448eb211c80319c",
  truncated: false,
  start_time: "1700000000000000000",
  duration_ns: "100",
  services: [
    { name: "shop", span_count: 2, error_count: 0, self_ns: "0", critical_ns: "0" },
    { name: "db", span_count: 3, error_count: 1, self_ns: "0", critical_ns: "0" },
  ],
  names: ["GET /", "query"],
  columns: {
    span_id: ["a", "b", "b", "c", "d"],
    parent: [-1, 0, 0, 1, -1],
    start_ns: [0, 10, 10, 20, 30],
    duration_ns: [100, 50, 60, 10, 5],
    service: [0, 1, 1, 1, 0],
    name: [0, 1, 1, 1, 1],
    kind: [2, 3, 3, 99, 1],
    status: [0, 2, 0, 0, 1],
    flags: [0, 4, 5, 0, 8],
    self_ns: [0, 0, 0, 0, 0],
    critical_ns: [0, 0, 0, 0, 0],
  },
  stats: { rows_read: "5", bytes_read: "5", elapsed_ms: 1 },
};

describe("spansOf", () => {
  it("makes spans of the columns", () => {
    const [a, b, copy, c, d] = spansOf(SKELETON);
    expect(a).toMatchObject({ name: "GET /", service_name: "shop", kind: "server" });
    expect(a).toMatchObject({ parent_span_id: null, same_id_count: 1 });
    expect(b).toMatchObject({ start_time: "1700000000000000010", end_time: "1700000000000000060" });
    expect(b).toMatchObject({ parent_span_id: "a", status: { code: "error" }, same_id_count: 2 });
    expect(copy).toMatchObject({ duration_ns: "60" });
    expect(c).toMatchObject({ parent_span_id: "b", kind: "unknown", kind_number: 99 });
    expect(d).toMatchObject({ parent_span_id: "", status: { code: "ok" } });
  });

  it("makes the tree that the server made", () => {
    const model = buildTrace(spansOf(SKELETON));
    expect(model.nodes.map(({ span, depth }) => `${span.span_id} ${depth}`)).toEqual([
      "a 0",
      "b 1",
      "c 2",
      "b 1",
      "d 0",
    ]);
    expect(model.missingParents).toBe(1);
    expect(model.errors).toBe(1);
  });
});

describe("sameSpan", () => {
  it("tells spans of one id by what the skeleton shows of them", () => {
    const [, first, second] = spansOf(SKELETON);
    if (!first || !second) throw new Error("no spans");
    expect(sameSpan([first, second], second)).toBe(second);
    expect(sameSpan([first], second)).toBe(first);
  });
});
