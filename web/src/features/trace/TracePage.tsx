import { Link, useNavigate, useParams, useSearch } from "@tanstack/react-router";
import { useCallback, useDeferredValue, useMemo, useState } from "react";
import { isNotFound } from "@/api/client";
import { useSpanDetails, useTrace } from "@/api/queries";
import { sameSpan } from "@/api/skeleton";
import { useKeys } from "@/app/keys";
import { Page } from "@/app/Page";
import { useTimeSearch } from "@/app/useTime";
import { plural } from "@/lib/format";
import { parseSpanId, parseTraceId, type SpanId, type TraceId } from "@/lib/ids";
import { NS_PER_S } from "@/lib/nanos";
import { absoluteSearch, type Interval } from "@/lib/timeRange";
import { BUTTON_CLASS, Button } from "@/ui/controls";
import { SplitPane } from "@/ui/SplitPane";
import { EmptyState, ErrorState, SkeletonBlock, SkeletonRows } from "@/ui/states";
import { useLatest } from "@/ui/useLatest";
import { COLOR_CHOICES } from "./coloring";
import { FlameGraph } from "./FlameGraph";
import { buildTrace, matches, type Segment, type SpanNode, traceTime, visibleNodes } from "./model";
import { SPAN_TABS, SpanPanel } from "./SpanPanel";

import { TraceHeader } from "./TraceHeader";
import { Waterfall } from "./Waterfall";

export function TracePage() {
  const { traceId: text } = useParams({ from: "/traces/$traceId" });
  const traceId = parseTraceId(text);
  if (!traceId) {
    return (
      <EmptyState title="This is not a trace id" actions={<AllTraces />}>
        A trace id has 32 hexadecimal digits, not all zero.
      </EmptyState>
    );
  }
  // Another trace starts afresh: nothing folded, not zoomed.
  return <TraceView key={traceId} traceId={traceId} />;
}

function AllTraces() {
  return (
    <Link to="/traces" search={useTimeSearch()} className={BUTTON_CLASS}>
      Search for traces
    </Link>
  );
}

/** One trace: summary, flame graph, waterfall, and the panel of the chosen span. */
function TraceView({ traceId }: { traceId: TraceId }) {
  const search = useSearch({ from: "/traces/$traceId" });
  const navigate = useNavigate({ from: "/traces/$traceId" });
  const trace = useTrace(traceId);

  // What is looked for again stays absent on the page until it is there.
  const lastError = useLatest(trace.error ?? undefined);
  const failure = trace.isPending ? lastError : trace.error;

  const spans = trace.data?.spans;
  const model = useMemo(() => (spans ? buildTrace(spans) : null), [spans]);
  // Keys and absolute times: they mean the same when more spans arrive.
  const [folded, setFolded] = useState<ReadonlySet<string>>(new Set());
  const [zoom, setZoom] = useState<Interval | null>(null);
  const [cursor, setCursor] = useState("");

  const q = search.q ?? "";
  const errorsOnly = search.errors === "1";
  const colorBy = COLOR_CHOICES.find(({ value }) => value === search.color)?.value ?? "service";
  const tab = SPAN_TABS.find((name) => name === search.tab) ?? "attributes";
  const view: Segment =
    model && zoom
      ? [Number(zoom.start - model.start), Number(zoom.end - model.start)]
      : [0, Math.max(1, model?.duration ?? 1)];

  const opened = model?.nodes.find(({ span }) => span.span_id === search.span) ?? null;
  const selected = (opened ?? model?.nodes.find(({ key }) => key === cursor))?.index ?? -1;
  const large = trace.data?.large ?? false;
  const details = useSpanDetails(traceId, opened && parseSpanId(opened.span.span_id), large);
  const wholeSpan = opened && details.data ? sameSpan(details.data.spans, opened.span) : undefined;
  const rows = useMemo(
    () => (model ? visibleNodes(model, folded, errorsOnly) : []),
    [model, folded, errorsOnly],
  );
  const wanted = useDeferredValue(q.trim());
  const matched = useMemo(
    () =>
      new Set(
        model && wanted
          ? model.nodes.filter((node) => matches(node, wanted)).map(({ index }) => index)
          : [],
      ),
    [model, wanted],
  );

  const setSearch = useCallback(
    (change: Partial<typeof search>) =>
      void navigate({ search: (old) => ({ ...old, ...change }), replace: true }),
    [navigate],
  );

  const openNode = useCallback(
    (node: SpanNode) => {
      setCursor(node.key);
      // Whatever is opened can be seen: its ancestors unfold.
      setFolded((old) => without(old, ancestors(node)));
      setSearch({ span: node.span.span_id });
    },
    [setSearch],
  );

  function openSpan(id: SpanId): void {
    const node = model?.nodes.find(({ span }) => span.span_id === id);
    if (node) openNode(node);
  }

  const fold = useCallback((node: SpanNode) => {
    setFolded((old) => {
      const next = new Set(old);
      if (!next.delete(node.key)) next.add(node.key);
      return next;
    });
  }, []);

  function moveTo(node: SpanNode | undefined): void {
    if (!node) return;
    setCursor(node.key);
    if (opened) setSearch({ span: node.span.span_id });
  }

  function move(step: number): void {
    const at = rows.findIndex(({ index }) => index === selected);
    moveTo(rows[Math.max(0, Math.min(rows.length - 1, at + step))]);
  }

  /** The next match of the query; without one, the next error. */
  function jump(step: number): void {
    if (!model) return;
    const targets = model.nodes.filter((node) => (q.trim() ? matched.has(node.index) : node.error));
    const next =
      step > 0
        ? (targets.find(({ index }) => index > selected) ?? targets[0])
        : (targets.findLast(({ index }) => index < selected) ?? targets.at(-1));
    if (!next) return;
    setFolded((old) => without(old, ancestors(next)));
    moveTo(next);
  }

  function setFold(folding: boolean): void {
    const node = model?.nodes[selected];
    if (node && node.children.length > 0 && folded.has(node.key) !== folding) fold(node);
    else if (folding && node?.parent) moveTo(node.parent);
  }

  useKeys({
    j: () => move(1),
    k: () => move(-1),
    ArrowDown: () => move(1),
    ArrowUp: () => move(-1),
    PageDown: () => move(20),
    PageUp: () => move(-20),
    ArrowLeft: () => setFold(true),
    ArrowRight: () => setFold(false),
    "[": () => setFold(true),
    "]": () => setFold(false),
    n: () => jump(1),
    N: () => jump(-1),
    e: () => setSearch({ errors: errorsOnly ? "" : "1" }),
    Enter: () => {
      const node = model?.nodes[selected];
      return node ? openNode(node) : false;
    },
    Escape: () => {
      if (opened) setSearch({ span: "", tab: "" });
      else if (zoom) setZoom(null);
      else return false;
    },
  });

  return (
    <Page
      title="Trace"
      documentTitle={model?.roots[0]?.span.name}
      timeless
      query={{
        label: "Search in this trace",
        placeholder: "Search in this trace: name, service, attribute, id   (n, N: next, previous)",
        value: q,
        onSubmit: (next) => setSearch({ q: next }),
        immediate: true,
      }}
      busy={trace.isFetching}
      stats={trace.data?.stats}
      summary={
        model
          ? `${plural(model.nodes.length, "span")}${q.trim() ? ` · ${plural(matched.size, "match", "matches")}` : ""}`
          : ""
      }
    >
      {trace.isPending && !failure ? (
        <>
          <SkeletonBlock className="m-3 h-10 shrink-0" />
          <SkeletonBlock className="mx-3 mb-3 h-16 shrink-0" />
          <SkeletonRows height={22} />
        </>
      ) : null}
      {failure ? (
        isNotFound(failure) ? (
          <EmptyState
            title="There is no such trace"
            actions={
              <>
                <Button onClick={() => void trace.refetch()}>Look again</Button>
                <AllTraces />
              </>
            }
          >
            No span with this trace id has arrived: it may still be on its way, was not sampled, or
            is past its retention. It is looked for again by itself for two minutes.
          </EmptyState>
        ) : (
          <ErrorState
            what="The trace could not be loaded."
            error={failure}
            onRetry={() => void trace.refetch()}
          />
        )
      ) : null}
      {trace.data && model ? (
        <SplitPane
          id="span"
          defaultWidth={560}
          panel={
            opened ? (
              <SpanPanel
                traceId={traceId}
                trace={
                  "resources" in trace.data ? trace.data : wholeSpan ? (details.data ?? null) : null
                }
                error={details.error}
                onRetry={() => void details.refetch()}
                model={model}
                node={wholeSpan ? { ...opened, span: wholeSpan } : opened}
                tab={tab}
                onTab={(next) => setSearch({ tab: next })}
                onSelectSpan={openSpan}
                onFilter={(term) => {
                  // Around the trace: the time range that it was searched in may be far away.
                  const { start, end } = traceTime(model);
                  const around = { start: start - 900n * NS_PER_S, end: end + 900n * NS_PER_S };
                  void navigate({
                    to: "/traces",
                    search: { ...absoluteSearch(around), q: term },
                  });
                }}
                onClose={() => setSearch({ span: "", tab: "" })}
              />
            ) : null
          }
        >
          <TraceHeader
            traceId={traceId}
            model={model}
            truncated={trace.data.truncated}
            large={large}
            colorBy={colorBy}
            errorsOnly={errorsOnly}
            zoomed={zoom !== null}
            onColorBy={(color) => setSearch({ color: color === "service" ? "" : color })}
            onErrorsOnly={(on) => setSearch({ errors: on ? "1" : "" })}
            onResetZoom={() => setZoom(null)}
          />
          <FlameGraph
            model={model}
            view={view}
            selected={selected}
            colorBy={colorBy}
            onSelect={openNode}
            onZoom={([from, to]) =>
              setZoom(
                from <= 0 && to >= model.duration
                  ? null
                  : {
                      start: model.start + BigInt(Math.floor(from)),
                      end: model.start + BigInt(Math.ceil(to)),
                    },
              )
            }
          />
          {errorsOnly && rows.length === 0 ? (
            <EmptyState
              title="This trace has no errors"
              actions={<Button onClick={() => setSearch({ errors: "" })}>Show all spans</Button>}
            />
          ) : (
            <Waterfall
              model={model}
              rows={rows}
              view={view}
              selected={selected}
              folded={folded}
              matched={matched}
              colorBy={colorBy}
              onSelect={openNode}
              onFold={fold}
            />
          )}
        </SplitPane>
      ) : null}
    </Page>
  );
}

/** Their keys. */
function ancestors(node: SpanNode): string[] {
  const keys: string[] = [];
  for (let at = node.parent; at; at = at.parent) keys.push(at.key);
  return keys;
}

function without(set: ReadonlySet<string>, keys: readonly string[]): ReadonlySet<string> {
  if (!keys.some((key) => set.has(key))) return set;
  const next = new Set(set);
  for (const key of keys) next.delete(key);
  return next;
}
