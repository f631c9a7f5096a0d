import type { Schemas } from "@/api/client";
import { type Nanos, nanos } from "@/lib/nanos";
import type { Interval } from "@/lib/timeRange";

export type Span = Schemas["Span"];

/** Part of a span's time, in nanoseconds from the start of the trace. */
export type Segment = readonly [from: number, to: number];

export type SpanNode = {
  readonly span: Span;
  /** The span's id, numbered where it was sent more than once: stays while the trace grows. */
  key: string;
  /** Place in tree order. */
  index: number;
  readonly parent: SpanNode | null;
  readonly children: SpanNode[];
  depth: number;
  /** Nanoseconds from the start of the trace. */
  readonly start: number;
  readonly end: number;
  readonly error: boolean;
  /** The span names a parent that has not arrived. */
  readonly parentMissing: boolean;
  /** Nanoseconds by which the span starts before its parent: the clocks differ. */
  readonly skew: number;
  /** When no child ran. */
  self: readonly Segment[];
  /** When the end of the trace waited for this very span. */
  critical: readonly Segment[];
  /** Spans below this one. */
  descendants: number;
  /** Spans with an error below this one. */
  errorsBelow: number;
};

export type TraceModel = {
  readonly roots: readonly SpanNode[];
  /** All spans in tree order: a parent, then its children by start time. */
  readonly nodes: readonly SpanNode[];
  readonly start: Nanos;
  /** Nanoseconds from the first start to the last end. */
  readonly duration: number;
  readonly errors: number;
  /** Services by first appearance, with their share of the critical path. */
  readonly services: readonly ServiceShare[];
  readonly missingParents: number;
  readonly skewed: number;
};

export type ServiceShare = {
  readonly name: string;
  readonly spans: number;
  /** Between 0 and 1. */
  readonly criticalShare: number;
};

/** Arranges the spans of a trace as a tree and measures it. Any input yields a model. */
export function buildTrace(spans: readonly Span[]): TraceModel {
  const ordered = spans
    .map((span) => ({ span, time: nanos(span.start_time) }))
    .sort((a, b) => (a.time < b.time ? -1 : a.time > b.time ? 1 : 0));
  const origin = ordered[0]?.time ?? 0n;
  const roots = arrange(
    ordered.map(({ span }) => span),
    origin,
  );
  const nodes = number(roots);
  for (const node of nodes) node.self = selfSegments(node);
  countBelow(nodes);
  const critical = markCriticalPaths(roots);

  return {
    roots,
    nodes,
    start: origin,
    duration: nodes.reduce((max, { end }) => Math.max(max, end), 0),
    errors: nodes.reduce((count, { error }) => count + (error ? 1 : 0), 0),
    services: shareByService(nodes, critical),
    missingParents: nodes.filter(({ parentMissing }) => parentMissing).length,
    skewed: nodes.filter(({ skew }) => skew > 0).length,
  };
}

function arrange(spans: readonly Span[], origin: Nanos): SpanNode[] {
  const byId = new Map<string, Span>();
  for (const span of spans) if (!byId.has(span.span_id)) byId.set(span.span_id, span);
  const made = new Map<Span, SpanNode>();
  const roots: SpanNode[] = [];

  function make(span: Span, parent: SpanNode | null): SpanNode {
    const from = Number(nanos(span.start_time) - origin);
    const to = Number(nanos(span.end_time) - origin);
    const node: SpanNode = {
      span,
      key: span.span_id,
      index: 0,
      parent,
      children: [],
      depth: parent ? parent.depth + 1 : 0,
      start: from,
      end: Math.max(from, to),
      error: span.status.code === "error",
      parentMissing: span.parent_span_id !== null && parent === null,
      skew: parent ? Math.max(0, parent.start - from) : 0,
      self: [],
      critical: [],
      descendants: 0,
      errorsBelow: 0,
    };
    made.set(span, node);
    if (parent) parent.children.push(node);
    else roots.push(node);
    return node;
  }

  for (const span of spans) {
    if (made.has(span)) continue;
    // Up to an ancestor that is placed already, or to the top; a loop of parents ends there too.
    const chain: Span[] = [];
    const seen = new Set<Span>();
    let top: Span | undefined = span;
    while (top && !made.has(top) && !seen.has(top)) {
      chain.push(top);
      seen.add(top);
      top = top.parent_span_id === null ? undefined : byId.get(top.parent_span_id);
    }
    let parent = top ? (made.get(top) ?? null) : null;
    for (const link of chain.reverse()) parent = make(link, parent);
  }

  for (const node of made.values()) node.children.sort((a, b) => a.start - b.start);
  return roots.sort((a, b) => a.start - b.start);
}

function number(roots: readonly SpanNode[]): SpanNode[] {
  const nodes: SpanNode[] = [];
  const sent = new Map<string, number>();
  const stack = [...roots].reverse();
  for (let node = stack.pop(); node; node = stack.pop()) {
    const before = sent.get(node.span.span_id) ?? 0;
    sent.set(node.span.span_id, before + 1);
    if (before > 0) node.key = `${node.span.span_id}-${before}`;
    node.index = nodes.length;
    node.depth = node.parent ? node.parent.depth + 1 : 0;
    nodes.push(node);
    for (let i = node.children.length - 1; i >= 0; i -= 1) {
      const child = node.children[i];
      if (child) stack.push(child);
    }
  }
  return nodes;
}

function selfSegments({ start, end, children }: SpanNode): Segment[] {
  const segments: Segment[] = [];
  let from = start;
  for (const child of children) {
    if (child.start > from) segments.push([from, Math.min(child.start, end)]);
    from = Math.max(from, child.end);
    if (from >= end) break;
  }
  if (from < end) segments.push([from, end]);
  return segments.filter(([a, b]) => b > a);
}

function countBelow(nodes: readonly SpanNode[]): void {
  for (let i = nodes.length - 1; i >= 0; i -= 1) {
    const node = nodes[i];
    const parent = node?.parent;
    if (!node || !parent) continue;
    parent.descendants += node.descendants + 1;
    parent.errorsBelow += node.errorsBelow + (node.error ? 1 : 0);
  }
}

/**
 * Walks back from the end of each root: at any moment the span that ended last is what everything
 * above it waited for. Returns the sum of all critical time.
 */
function markCriticalPaths(roots: readonly SpanNode[]): number {
  let total = 0;
  const stack = roots.map((node) => ({ node, from: node.start, until: node.end }));
  for (let frame = stack.pop(); frame; frame = stack.pop()) {
    const { node, from: begin, until } = frame;
    const segments: Segment[] = [];
    let at = until;
    const byEnd = [...node.children].sort((a, b) => b.end - a.end);
    for (const child of byEnd) {
      const childEnd = Math.min(child.end, at);
      const childStart = Math.max(child.start, begin);
      if (childEnd <= childStart) continue;
      // A child that outlives this moment is what ran then; one that began later did not count.
      if (child.start >= at) continue;
      if (childEnd < at) segments.push([childEnd, at]);
      stack.push({ node: child, from: childStart, until: childEnd });
      at = childStart;
      if (at <= begin) break;
    }
    if (at > begin) segments.push([begin, at]);
    node.critical = segments.reverse();
    for (const [from, to] of segments) total += to - from;
  }
  return total;
}

function shareByService(nodes: readonly SpanNode[], total: number): ServiceShare[] {
  const sums = new Map<string, { spans: number; critical: number }>();
  for (const { span, critical } of nodes) {
    const sum = sums.get(span.service_name) ?? { spans: 0, critical: 0 };
    sum.spans += 1;
    for (const [from, to] of critical) sum.critical += to - from;
    sums.set(span.service_name, sum);
  }
  return [...sums].map(([name, { spans, critical }]) => ({
    name,
    spans,
    criticalShare: total > 0 ? critical / total : 0,
  }));
}

/** From the first start to the last end. */
export function traceTime({ start, duration }: TraceModel): Interval {
  return { start, end: start + BigInt(Math.ceil(duration)) };
}

/** The rows to show: without what is below the `folded` keys, and with "errors only" just the ways to errors. */
export function visibleNodes(
  model: TraceModel,
  folded: ReadonlySet<string>,
  errorsOnly: boolean,
): SpanNode[] {
  const rows: SpanNode[] = [];
  let i = 0;
  while (i < model.nodes.length) {
    const node = model.nodes[i];
    if (!node) break;
    const wanted = !errorsOnly || node.error || node.errorsBelow > 0;
    if (wanted) rows.push(node);
    i += !wanted || folded.has(node.key) ? node.descendants + 1 : 1;
  }
  return rows;
}

/** Whether the span's name, service, ids, status or an attribute contains `text`. */
export function matches({ span }: SpanNode, text: string): boolean {
  const wanted = text.toLowerCase();
  const has = (value: string) => value.toLowerCase().includes(wanted);
  return (
    has(span.name) ||
    has(span.service_name) ||
    has(span.span_id) ||
    has(span.status.message) ||
    span.attributes.some(({ key, value }) => has(value) || has(key) || has(`${key}=${value}`))
  );
}

/** More spans at once are not drawn: nobody sees them, and canvases have limits. */
const MOST_FLAME_ROWS = 200;

export type Flame = {
  /** The row of each node, by its index; -1 of those for which there was none. */
  readonly rows: Int32Array;
  readonly height: number;
  readonly byStart: readonly SpanNode[];
};

/** Rows of the flame graph: a span lies below its parent, in the first row that is free then. */
export function packFlame(model: TraceModel): Flame {
  const rows = new Int32Array(model.nodes.length);
  const busyUntil: number[] = [];
  const byStart = [...model.nodes].sort((a, b) => a.start - b.start || a.depth - b.depth);
  for (const node of byStart) {
    const above = node.parent ? (rows[node.parent.index] ?? 0) : -1;
    let row = node.parent && above < 0 ? MOST_FLAME_ROWS : above + 1;
    while ((busyUntil[row] ?? Number.NEGATIVE_INFINITY) > node.start) row += 1;
    const fits = row < MOST_FLAME_ROWS;
    rows[node.index] = fits ? row : -1;
    if (fits) busyUntil[row] = Math.max(node.end, node.start + 1);
  }
  return {
    rows,
    height: busyUntil.length,
    byStart: byStart.filter(({ index }) => (rows[index] ?? -1) >= 0),
  };
}
