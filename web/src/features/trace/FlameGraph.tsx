import { useLayoutEffect, useMemo, useRef, useState } from "react";
import { formatDuration, plural } from "@/lib/format";
import { drawSpanBar, fitText } from "@/ui/canvas/spanBar";
import { prepare, usePalette, useSize } from "@/ui/canvas/surface";
import { type ColorBy, spanColor } from "./coloring";
import { packFlame, type Segment, type SpanNode, type TraceModel } from "./model";

type Props = {
  model: TraceModel;
  /** The part of the trace's time that is shown, in nanoseconds from its start. */
  view: Segment;
  selected: number;
  colorBy: ColorBy;
  onSelect: (node: SpanNode) => void;
  onZoom: (view: Segment) => void;
};

const ROW = 17;
const BAR = 15;
const MAX_ROWS = 9;

/** The whole trace at a glance. Drag zooms, a click selects. */
export function FlameGraph({ model, view, selected, colorBy, onSelect, onZoom }: Props) {
  const canvas = useRef<HTMLCanvasElement>(null);
  const { ref, width } = useSize<HTMLDivElement>();
  const palette = usePalette();
  const flame = useMemo(() => packFlame(model), [model]);
  const [hover, setHover] = useState<{ node: SpanNode; x: number; y: number } | null>(null);
  const [drag, setDrag] = useState<{ from: number; to: number } | null>(null);

  const height = Math.max(1, flame.height) * ROW + 4;
  const [from, to] = view;
  const selectedNode = model.nodes[selected];
  const chosen =
    selectedNode &&
    (flame.rows[selected] ?? -1) >= 0 &&
    selectedNode.end >= from &&
    selectedNode.start <= to
      ? selectedNode
      : null;
  const scale = width / Math.max(1, to - from);

  useLayoutEffect(() => {
    if (!canvas.current || width === 0) return;
    const context = prepare(canvas.current, width, height);
    if (!context) return;
    context.font = `11px ${getComputedStyle(document.body).fontFamily}`;
    context.textBaseline = "middle";
    // By start time, so that in each row the bars come from left to right.
    const drawnTo = new Float64Array(flame.height).fill(Number.NEGATIVE_INFINITY);
    for (const node of flame.byStart) {
      const x = (node.start - from) * scale;
      const barWidth = Math.max(1, (node.end - node.start) * scale - 0.5);
      if (x > width || x + barWidth < 0) continue;
      const row = flame.rows[node.index] ?? 0;
      // Within the last pixel that was drawn there is nothing more to see.
      if (x + barWidth <= (drawnTo[row] ?? 0) && !node.error) continue;
      drawnTo[row] = Math.ceil(x + barWidth);
      const y = row * ROW + 2;
      drawSpanBar(
        context,
        {
          x,
          y,
          width: barWidth,
          height: BAR,
          color: palette(spanColor(node, colorBy)),
          strong: [],
          underlined: [],
        },
        width,
        "",
      );
      if (node.error) {
        context.fillStyle = palette("var(--error)");
        context.fillRect(Math.max(0, x), y, 3, BAR);
      }
      const visibleLeft = Math.max(0, x) + (node.error ? 7 : 4);
      const label = fitText(
        context,
        node.span.name,
        Math.min(width, x + barWidth) - visibleLeft - 4,
      );
      if (label) {
        context.fillStyle = palette("var(--on-service)");
        context.fillText(label, visibleLeft, y + BAR / 2 + 0.5);
      }
    }
  }, [flame, from, scale, width, height, colorBy, palette]);

  function nodeAt(x: number, y: number): SpanNode | null {
    const row = Math.floor((y - 2) / ROW);
    const slack = 2 / scale;
    const time = from + x / scale;
    return (
      model.nodes.find(
        (node) =>
          flame.rows[node.index] === row && node.start - slack <= time && time <= node.end + slack,
      ) ?? null
    );
  }

  return (
    <div
      className="relative shrink-0 overflow-y-auto overflow-x-hidden border-line border-b px-3"
      style={{ maxHeight: MAX_ROWS * ROW + 6 }}
    >
      <div ref={ref} className="relative" style={{ height }}>
        <canvas
          ref={canvas}
          role="img"
          aria-label={`Flame graph of ${model.nodes.length} spans over ${formatDuration(model.duration)}`}
          className="absolute inset-0 size-full cursor-crosshair touch-none"
          onPointerDown={(event) => {
            if (event.button !== 0) return;
            event.currentTarget.setPointerCapture(event.pointerId);
            const { offsetX } = event.nativeEvent;
            setDrag({ from: offsetX, to: offsetX });
          }}
          onPointerMove={(event) => {
            const { offsetX, offsetY } = event.nativeEvent;
            if (drag) setDrag({ ...drag, to: offsetX });
            const node = drag ? null : nodeAt(offsetX, offsetY);
            setHover(node ? { node, x: event.clientX, y: event.clientY } : null);
          }}
          onPointerLeave={() => setHover(null)}
          onPointerUp={(event) => {
            if (!drag) return;
            setDrag(null);
            const left = Math.max(0, Math.min(drag.from, drag.to));
            const right = Math.min(width, Math.max(drag.from, drag.to));
            if (right - left > 5) {
              onZoom([from + left / scale, from + right / scale]);
              return;
            }
            const node = nodeAt(event.nativeEvent.offsetX, event.nativeEvent.offsetY);
            if (node) onSelect(node);
          }}
          onDoubleClick={() => onZoom([0, model.duration])}
        />
        {chosen ? (
          <div
            className="pointer-events-none absolute rounded-[2px] outline outline-2 outline-fg"
            style={{
              left: Math.max(0, (chosen.start - from) * scale),
              top: (flame.rows[chosen.index] ?? 0) * ROW + 2,
              width: Math.max(2, (Math.min(chosen.end, to) - Math.max(chosen.start, from)) * scale),
              height: BAR,
            }}
          />
        ) : null}
        {drag && Math.abs(drag.to - drag.from) > 3 ? (
          <div
            className="pointer-events-none absolute inset-y-0 border-accent border-x bg-accent/20"
            style={{ left: Math.min(drag.from, drag.to), width: Math.abs(drag.to - drag.from) }}
          />
        ) : null}
      </div>
      {flame.byStart.length < model.nodes.length ? (
        <p className="py-1 text-faint">
          {plural(model.nodes.length - flame.byStart.length, "span")} that run beside many others
          are not drawn here.
        </p>
      ) : null}
      {hover ? <HoverCard {...hover} /> : null}
    </div>
  );
}

function HoverCard({ node, x, y }: { node: SpanNode; x: number; y: number }) {
  const { span } = node;
  const left = x > window.innerWidth - 340;
  return (
    <div
      className="pointer-events-none fixed z-40 max-w-80 rounded-md border border-line bg-raised px-2.5 py-1.5 text-[12px] leading-[18px] shadow-pop"
      style={{ top: y + 14, ...(left ? { right: window.innerWidth - x + 12 } : { left: x + 12 }) }}
    >
      <div className="truncate font-medium">{span.name}</div>
      <div className="truncate text-muted">
        {span.service_name} · {span.kind}
      </div>
      <div>
        {formatDuration(node.end - node.start)}{" "}
        <span className="text-faint">from {formatDuration(node.start)}</span>
      </div>
      {node.error ? (
        <div className="break-words text-error">{span.status.message || "error"}</div>
      ) : null}
    </div>
  );
}
