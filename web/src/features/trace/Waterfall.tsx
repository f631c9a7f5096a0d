import { useVirtualizer } from "@tanstack/react-virtual";
import { useEffect, useLayoutEffect, useRef, useState } from "react";
import { serviceColor } from "@/lib/color";
import { formatDuration } from "@/lib/format";
import { nanos } from "@/lib/nanos";
import { drawSpanBar } from "@/ui/canvas/spanBar";
import { prepare, usePalette, useSize } from "@/ui/canvas/surface";
import { ServiceDot } from "@/ui/controls";
import { ChevronIcon, ErrorIcon, WarnIcon } from "@/ui/icons";
import { type ColorBy, spanColor } from "./coloring";
import type { Segment, SpanNode, TraceModel } from "./model";
import { offsetTicks } from "./ticks";

type Props = {
  model: TraceModel;
  /** The rows to show, in tree order. */
  rows: readonly SpanNode[];
  view: Segment;
  /** Index of a node, or -1. */
  selected: number;
  /** Keys of nodes. */
  folded: ReadonlySet<string>;
  /** Indices of nodes. */
  matched: ReadonlySet<number>;
  colorBy: ColorBy;
  onSelect: (node: SpanNode) => void;
  onFold: (node: SpanNode) => void;
};

const ROW = 22;
const INDENT = 12;
const GAP = 10;
/** Room for the duration at the right of the longest bar. */
const LABEL = 62;
const MIN_NAMES = 210;
const NAMES_KEY = "signalbox.split.waterfall";

/** The trace as a tree of spans with bars on a common time axis. */
export function Waterfall({
  model,
  rows,
  view,
  selected,
  folded,
  matched,
  colorBy,
  onSelect,
  onFold,
}: Props) {
  const canvas = useRef<HTMLCanvasElement>(null);
  const frame = useSize<HTMLDivElement>();
  const palette = usePalette();
  const [namesShare, setNamesShare] = useState(() => storedShare());
  const [scrollTop, setScrollTop] = useState(0);

  const virtual = useVirtualizer({
    count: rows.length,
    getScrollElement: () => frame.element,
    estimateSize: () => ROW,
    overscan: 10,
  });

  const names = Math.round(
    Math.max(MIN_NAMES, Math.min(frame.width * namesShare, frame.width - 160)),
  );
  const barsWidth = Math.max(0, frame.width - names - GAP - LABEL);
  const [from, to] = view;
  const scale = barsWidth / Math.max(1, to - from);
  const ticks = offsetTicks(from, to, Math.max(2, Math.floor(barsWidth / 110)));

  const selectedRow = rows.findIndex(({ index }) => index === selected);
  const place = useRef({ model, row: -1 });
  useEffect(() => {
    const before = place.current;
    place.current = { model, row: selectedRow };
    if (selectedRow < 0) return;
    if (before.model === model || before.row < 0) {
      virtual.scrollToIndex(selectedRow);
      return;
    }
    // Spans that have arrived above it leave the selected one where it is on the screen.
    const scroller = frame.element;
    if (!scroller) return;
    const y = before.row * ROW - scroller.scrollTop;
    if (y > -ROW && y < scroller.clientHeight) scroller.scrollTop = selectedRow * ROW - y;
  }, [selectedRow, model, virtual, frame.element]);

  useLayoutEffect(() => {
    if (!canvas.current || barsWidth === 0) return;
    const height = frame.height;
    const context = prepare(canvas.current, barsWidth + GAP + LABEL, height);
    if (!context) return;
    context.translate(GAP, 0);
    context.font = `11px ${getComputedStyle(document.body).fontFamily}`;
    context.textBaseline = "middle";

    context.fillStyle = palette("var(--border)");
    const bottom = Math.min(height, rows.length * ROW - scrollTop);
    for (const tick of offsetTicks(from, to, Math.max(2, Math.floor(barsWidth / 110)))) {
      context.fillRect(Math.round((tick - from) * scale), 0, 1, bottom);
    }

    const first = Math.max(0, Math.floor(scrollTop / ROW));
    const last = Math.min(rows.length - 1, Math.ceil((scrollTop + height) / ROW));
    for (let row = first; row <= last; row += 1) {
      const node = rows[row];
      if (node) drawRow(context, node, row * ROW - scrollTop);
    }

    function drawRow(ctx: CanvasRenderingContext2D, node: SpanNode, top: number): void {
      const toX = (time: number) => (time - from) * scale;
      const x = toX(node.start);
      const width = Math.max(2, (node.end - node.start) * scale);
      const y = top + 5;
      const barHeight = ROW - 11;
      drawSpanBar(
        ctx,
        {
          x,
          y,
          width,
          height: barHeight,
          color: palette(spanColor(node, colorBy)),
          strong: node.children.length > 0 ? node.self.map(([a, b]) => [toX(a), toX(b)]) : [],
          underlined: node.critical.map(([a, b]) => [toX(a), toX(b)]),
        },
        barsWidth,
        palette("var(--critical)"),
      );

      ctx.strokeStyle = palette("var(--bg)");
      for (const event of node.span.events) {
        const at = toX(Number(nanos(event.time) - model.start));
        if (at < 0 || at > barsWidth) continue;
        const middle = y + barHeight / 2;
        ctx.fillStyle = palette(event.name === "exception" ? "var(--error)" : "var(--text)");
        ctx.beginPath();
        ctx.moveTo(at, middle - 5);
        ctx.lineTo(at + 4, middle);
        ctx.lineTo(at, middle + 5);
        ctx.lineTo(at - 4, middle);
        ctx.closePath();
        ctx.fill();
        ctx.stroke();
      }
      drawLabel(ctx, node, x, width, y + barHeight / 2);
    }

    function drawLabel(
      ctx: CanvasRenderingContext2D,
      node: SpanNode,
      x: number,
      width: number,
      middle: number,
    ): void {
      if (x > barsWidth || x + width < 0) return;
      ctx.fillStyle = palette(node.error ? "var(--error)" : "var(--text-muted)");
      ctx.fillText(
        formatDuration(nanos(node.span.duration_ns)),
        Math.min(barsWidth, x + width) + 6,
        middle + 0.5,
      );
    }
  }, [model, rows, from, to, scale, barsWidth, frame.height, scrollTop, colorBy, palette]);

  function resize(clientX: number): void {
    const box = frame.element?.getBoundingClientRect();
    if (!box || box.width === 0) return;
    const share = Math.min(0.75, Math.max(0.12, (clientX - box.left) / box.width));
    setNamesShare(share);
    localStorage.setItem(NAMES_KEY, share.toFixed(3));
  }

  return (
    <div className="relative flex min-h-0 grow flex-col">
      <div className="flex h-6 shrink-0 items-center border-line border-b text-[11px] text-faint">
        <div className="px-3" style={{ width: names }}>
          Service and span
        </div>
        <div className="relative h-full" style={{ left: GAP, width: barsWidth }} aria-hidden="true">
          {ticks.map((tick) => {
            const x = (tick - from) * scale;
            return (
              <span
                key={tick}
                className={`absolute whitespace-nowrap leading-6 ${x < 16 ? "" : x > barsWidth - 24 ? "-translate-x-full" : "-translate-x-1/2"}`}
                style={{ left: x }}
              >
                {formatDuration(tick)}
              </span>
            );
          })}
        </div>
      </div>
      <div
        ref={frame.ref}
        className="relative min-h-0 grow overflow-y-auto overflow-x-hidden"
        onScroll={(event) => setScrollTop(event.currentTarget.scrollTop)}
      >
        <div aria-hidden="true" className="pointer-events-none sticky top-0 z-[1] h-0">
          <canvas
            ref={canvas}
            className="absolute top-0"
            style={{ left: names, width: barsWidth + GAP + LABEL, height: frame.height }}
          />
        </div>
        <div
          role="tree"
          aria-label="Spans"
          className="relative"
          style={{ height: virtual.getTotalSize() }}
        >
          {virtual.getVirtualItems().map(({ index, start }) => {
            const node = rows[index];
            if (!node) return null;
            return (
              <WaterfallRow
                key={node.key}
                node={node}
                top={start}
                names={names}
                selected={node.index === selected}
                folded={folded.has(node.key)}
                matched={matched.has(node.index)}
                onSelect={onSelect}
                onFold={onFold}
              />
            );
          })}
        </div>
      </div>
      {/* biome-ignore lint/a11y/useSemanticElements: an hr cannot be focused and dragged. */}
      <div
        role="separator"
        aria-orientation="vertical"
        aria-label="Resize the span names"
        aria-valuenow={Math.round(namesShare * 100)}
        tabIndex={0}
        className="absolute inset-y-0 z-[2] w-[7px] cursor-col-resize border-line border-l hover:border-accent focus-visible:border-accent"
        style={{ left: names }}
        onPointerDown={(event) => {
          event.currentTarget.setPointerCapture(event.pointerId);
          event.preventDefault();
        }}
        onPointerMove={(event) => {
          if (event.currentTarget.hasPointerCapture(event.pointerId)) resize(event.clientX);
        }}
        onKeyDown={(event) => {
          const left = frame.element?.getBoundingClientRect().left ?? 0;
          if (event.key === "ArrowLeft") resize(left + names - 16);
          else if (event.key === "ArrowRight") resize(left + names + 16);
          else return;
          event.preventDefault();
        }}
      />
    </div>
  );
}

function storedShare(): number {
  const share = Number(localStorage.getItem(NAMES_KEY));
  return share >= 0.12 && share <= 0.75 ? share : 0.36;
}

function WaterfallRow({
  node,
  top,
  names,
  selected,
  folded,
  matched,
  onSelect,
  onFold,
}: {
  node: SpanNode;
  top: number;
  names: number;
  selected: boolean;
  folded: boolean;
  matched: boolean;
  onSelect: (node: SpanNode) => void;
  onFold: (node: SpanNode) => void;
}) {
  const { span, depth, children } = node;
  const duration = formatDuration(nanos(span.duration_ns));
  const parent = children.length > 0;
  const background = selected ? "bg-selected" : matched ? "bg-match" : "hover:bg-hover";

  return (
    // biome-ignore lint/a11y/useKeyWithClickEvents: the page moves the selection by keys.
    <div
      role="treeitem"
      tabIndex={-1}
      aria-level={depth + 1}
      aria-selected={selected}
      {...(parent ? { "aria-expanded": !folded } : {})}
      aria-label={`${span.service_name} ${span.name}, ${duration}${node.error ? ", error" : ""}`}
      title={`${span.name}\n${span.service_name} · ${span.kind}\n${duration}, from ${formatDuration(node.start)}${span.status.message ? `\n${span.status.message}` : ""}`}
      onClick={() => onSelect(node)}
      className={`absolute inset-x-0 flex cursor-default outline-none ${background}`}
      style={{ height: ROW, transform: `translateY(${top}px)` }}
    >
      <div className="flex min-w-0 items-center pr-2 pl-2" style={{ width: names }}>
        <span
          aria-hidden="true"
          className="h-full shrink-0"
          style={{
            width: Math.min(depth, 40) * INDENT,
            background: `repeating-linear-gradient(to right, transparent 0 7px, var(--border) 7px 8px, transparent 8px ${INDENT}px)`,
          }}
        />
        {parent ? (
          <button
            type="button"
            tabIndex={-1}
            aria-label={folded ? "Unfold" : "Fold"}
            onClick={(event) => {
              event.stopPropagation();
              onFold(node);
            }}
            className="flex h-full w-4 shrink-0 items-center justify-center text-faint hover:text-fg"
          >
            <ChevronIcon className={`size-3 ${folded ? "" : "rotate-90"}`} />
          </button>
        ) : (
          <span className="w-4 shrink-0" />
        )}
        <ServiceDot color={serviceColor(span.service_name)} />
        <span className="ml-1.5 max-w-[45%] shrink-0 truncate text-muted">{span.service_name}</span>
        <span className="ml-2 truncate">{span.name}</span>
        {folded ? (
          <span className="ml-1.5 shrink-0 rounded-sm bg-sunken px-1 text-[11px] text-faint leading-4">
            +{node.descendants}
          </span>
        ) : null}
        <span className="grow" />
        {node.parentMissing ? (
          <span className="ml-1 shrink-0 text-warn" title="Its parent span has not arrived.">
            <WarnIcon className="size-3.5" />
          </span>
        ) : null}
        {node.skew > 0 ? (
          <span
            className="ml-1 shrink-0 text-warn"
            title={`Starts ${formatDuration(node.skew)} before its parent: the clocks of the two machines differ.`}
          >
            <WarnIcon className="size-3.5" />
          </span>
        ) : null}
        {node.error ? <ErrorIcon className="ml-1 size-3.5 shrink-0 text-error" /> : null}
        {folded && !node.error && node.errorsBelow > 0 ? (
          <span
            className="ml-1 shrink-0 text-[11px] text-error"
            title={`${node.errorsBelow} errors below`}
          >
            {node.errorsBelow}↓
          </span>
        ) : null}
      </div>
    </div>
  );
}
