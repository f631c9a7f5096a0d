import { describe, expect, it } from "vitest";
import { buildTrace, matches, packFlame, type Span, type TraceModel, visibleNodes } from "./model";

type Given = {
  id: string;
  parent?: string;
  from: number;
  to: number;
  service?: string;
  error?: true;
};

function span({ id, parent, from, to, service = "demo", error }: Given): Span {
  return {
    same_id_count: 1,
    span_id: id,
    parent_span_id: parent ?? null,
    service_name: service,
    name: `span ${id}`,
    kind: "internal",
    kind_number: 1,
    start_time: String(1_700_000_000_000_000_000n + BigInt(from)),
    end_time: String(1_700_000_000_000_000_000n + BigInt(to)),
    duration_ns: String(to - from),
    status: { code: error ? "error" : "unset", code_number: error ? 2 : 0, message: "" },
    trace_state: "",
    flags: 1,
    resource_id: "r",
    scope_id: "s",
    attributes: [{ key: "url.path", type: "string", value: `/path/${id}` }],
    dropped_attributes_count: 0,
    events: [],
    dropped_events_count: 0,
    links: [],
    dropped_links_count: 0,
  };
}

const trace = (...given: Given[]) => buildTrace(given.map(span));
const ids = (model: TraceModel) => model.nodes.map(({ span }) => span.span_id);

function node(model: TraceModel, id: string) {
  const found = model.nodes.find(({ span }) => span.span_id === id);
  if (!found) throw new Error(`no span ${id}`);
  return found;
}

describe("buildTrace", () => {
  it("puts children below their parent by start time, whatever the order of arrival", () => {
    const model = trace(
      { id: "c", parent: "b", from: 30, to: 40 },
      { id: "d", parent: "a", from: 60, to: 70 },
      { id: "b", parent: "a", from: 10, to: 50 },
      { id: "a", from: 0, to: 100 },
    );
    expect(ids(model)).toEqual(["a", "b", "c", "d"]);
    expect(model.nodes.map(({ depth }) => depth)).toEqual([0, 1, 2, 1]);
    expect(model.duration).toBe(100);
    expect(node(model, "a").descendants).toBe(3);
  });

  it("shows a span whose parent is missing as a root of its own", () => {
    const model = trace({ id: "a", from: 0, to: 9 }, { id: "b", parent: "gone", from: 3, to: 5 });
    expect(model.roots).toHaveLength(2);
    expect(node(model, "b").parentMissing).toBe(true);
    expect(model.missingParents).toBe(1);
  });

  it("survives a loop of parents and a span id that was sent twice", () => {
    const loop = trace(
      { id: "a", parent: "b", from: 0, to: 5 },
      { id: "b", parent: "a", from: 1, to: 4 },
    );
    expect(loop.nodes).toHaveLength(2);
    const twice = trace(
      { id: "a", from: 0, to: 5 },
      { id: "a", from: 0, to: 5 },
      { id: "b", parent: "a", from: 1, to: 2 },
    );
    expect(twice.nodes.map(({ key }) => key)).toEqual(["a", "b", "a-1"]);
  });

  it("keeps the keys of spans when others arrive before them", () => {
    const early = trace({ id: "b", parent: "a", from: 10, to: 20 });
    const late = trace({ id: "b", parent: "a", from: 10, to: 20 }, { id: "a", from: 0, to: 30 });
    expect(early.nodes.map(({ key, index }) => [key, index])).toEqual([["b", 0]]);
    expect(late.nodes.map(({ key, index }) => [key, index])).toEqual([
      ["a", 0],
      ["b", 1],
    ]);
  });

  it("survives a chain of 50,000 spans", () => {
    const chain = Array.from({ length: 50_000 }, (_, i) => ({
      id: `s${i}`,
      ...(i > 0 ? { parent: `s${i - 1}` } : {}),
      from: i,
      to: 200_000 - i,
    }));
    expect(trace(...chain).nodes.at(-1)?.depth).toBe(49_999);
  });

  it("reports clock skew and never makes a negative bar", () => {
    const model = trace(
      { id: "a", from: 100, to: 200 },
      { id: "b", parent: "a", from: 70, to: 60 },
    );
    expect(node(model, "b").skew).toBe(30);
    expect(node(model, "b").end).toBe(node(model, "b").start);
  });

  it("is empty for no spans", () => {
    expect(buildTrace([])).toMatchObject({ nodes: [], duration: 0, errors: 0, services: [] });
  });
});

describe("self time", () => {
  it("is what no child covers, overlapping children counted once", () => {
    const model = trace(
      { id: "a", from: 0, to: 100 },
      { id: "b", parent: "a", from: 10, to: 40 },
      { id: "c", parent: "a", from: 30, to: 50 },
      { id: "d", parent: "a", from: 90, to: 120 },
    );
    expect(node(model, "a").self).toEqual([
      [0, 10],
      [50, 90],
    ]);
  });
});

describe("critical path", () => {
  it("follows the child that ended last and comes back to the parent between", () => {
    const model = trace(
      { id: "a", from: 0, to: 100, service: "front" },
      { id: "b", parent: "a", from: 10, to: 40, service: "x" },
      { id: "c", parent: "a", from: 20, to: 80, service: "y" },
    );
    expect(node(model, "c").critical).toEqual([[20, 80]]);
    // b ended while c ran, but began before it: until c began, everything waited for b.
    expect(node(model, "b").critical).toEqual([[10, 20]]);
    expect(node(model, "a").critical).toEqual([
      [0, 10],
      [80, 100],
    ]);
    const share = Object.fromEntries(
      model.services.map(({ name, criticalShare }) => [name, criticalShare]),
    );
    expect(share).toEqual({ front: 0.3, x: 0.1, y: 0.6 });
  });

  it("ignores the part of a child after its parent's end", () => {
    const model = trace({ id: "a", from: 0, to: 50 }, { id: "b", parent: "a", from: 10, to: 90 });
    expect(node(model, "b").critical).toEqual([[10, 50]]);
  });

  it("ignores the part of a child, and of its own children, before its parent's start", () => {
    const model = trace(
      { id: "a", from: 20, to: 60 },
      { id: "b", parent: "a", from: 10, to: 50 },
      { id: "c", parent: "b", from: 0, to: 30 },
    );
    expect(node(model, "a").critical).toEqual([[50, 60]]);
    expect(node(model, "b").critical).toEqual([[30, 50]]);
    expect(node(model, "c").critical).toEqual([[20, 30]]);
  });
});

describe("visibleNodes", () => {
  const model = trace(
    { id: "a", from: 0, to: 100 },
    { id: "b", parent: "a", from: 10, to: 50 },
    { id: "c", parent: "b", from: 20, to: 30, error: true },
    { id: "d", parent: "a", from: 60, to: 70 },
  );
  const shown = (folded: string[], errorsOnly: boolean) =>
    visibleNodes(model, new Set(folded), errorsOnly).map(({ span }) => span.span_id);

  it("hides what lies below a folded span", () => {
    expect(shown(["b"], false)).toEqual(["a", "b", "d"]);
  });

  it("keeps only the ways to errors with errors only", () => {
    expect(shown([], true)).toEqual(["a", "b", "c"]);
  });
});

describe("matches", () => {
  it("looks at names, ids and attributes in any case", () => {
    const model = trace({ id: "ab12", from: 0, to: 1 });
    const first = node(model, "ab12");
    expect(matches(first, "URL.PATH=/path")).toBe(true);
    expect(matches(first, "AB12")).toBe(true);
    expect(matches(first, "nowhere")).toBe(false);
  });
});

describe("packFlame", () => {
  it("lays spans that overlap in time into different rows", () => {
    const model = trace(
      { id: "a", from: 0, to: 100 },
      { id: "b", parent: "a", from: 10, to: 40 },
      { id: "c", parent: "a", from: 30, to: 60 },
      { id: "d", parent: "a", from: 70, to: 90 },
    );
    const { rows, height } = packFlame(model);
    expect([...rows]).toEqual([0, 1, 2, 1]);
    expect(height).toBe(3);
  });

  it("leaves out what would be beyond two hundred rows, with all below it", () => {
    const parallel = Array.from({ length: 300 }, (_, i) => ({ id: `p${i}`, from: i, to: 1000 }));
    const model = trace(...parallel, { id: "below", parent: "p299", from: 400, to: 500 });
    const { rows, height, byStart } = packFlame(model);
    expect(height).toBe(200);
    expect(byStart).toHaveLength(200);
    expect(rows[node(model, "p199").index]).toBe(199);
    expect(rows[node(model, "p200").index]).toBe(-1);
    expect(rows[node(model, "below").index]).toBe(-1);
  });
});
