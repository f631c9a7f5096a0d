import { useEffect, useRef } from "react";
import uPlot from "uplot";
import "uplot/dist/uPlot.min.css";
import { formatClock, formatDateTime, formatMetricValue } from "@/lib/format";
import { nanosFromMillis } from "@/lib/nanos";
import type { Interval } from "@/lib/timeRange";
import { usePalette, useSize } from "@/ui/canvas/surface";
import type { Line } from "./series";

export type DrawnLine = Line & { readonly color: string; readonly shown: boolean };

type Props = {
  label: string;
  times: readonly number[];
  lines: readonly DrawnLine[];
  unit: string;
  interval: Interval;
  onBrush: (interval: Interval) => void;
};

const HEIGHT = 300;

/** Lines over time. Gaps stay gaps; a point between two gaps is a dot. Dragging chooses a range. */
export function Chart({ label, times, lines, unit, interval, onBrush }: Props) {
  const { ref, element, width } = useSize<HTMLDivElement>();
  const palette = usePalette();
  const brush = useRef(onBrush);
  brush.current = onBrush;
  const tooltip = useRef<HTMLDivElement>(null);

  useEffect(() => {
    if (!element || width < 50) return;
    const grid = { stroke: palette("var(--border)"), width: 1 };
    const axis = {
      stroke: palette("var(--text-faint)"),
      font: `11px ${getComputedStyle(document.body).fontFamily}`,
      grid,
      ticks: { show: false },
    };
    const range = [
      Number(interval.start / 1_000_000n) / 1000,
      Number(interval.end / 1_000_000n) / 1000,
    ];

    const plot = new uPlot(
      {
        width,
        height: HEIGHT,
        legend: { show: false },
        padding: [12, 24, 0, 0],
        scales: {
          x: { time: true, range: () => [range[0] ?? 0, range[1] ?? 1] },
          y: { range: (_plot, min, max) => valueRange(min, max) },
        },
        axes: [
          {
            ...axis,
            size: 26,
            values: (_plot, splits) => splits.map((at) => timeLabel(at, interval)),
          },
          {
            ...axis,
            size: 72,
            values: (_plot, splits) => splits.map((at) => formatMetricValue(at, unit)),
          },
        ],
        series: [
          {},
          ...lines.map((line) => ({
            label: line.name,
            show: line.shown,
            stroke: palette(line.color),
            width: 1.6,
            spanGaps: false,
            points: { show: true, size: 4, fill: palette(line.color), filter: lonelyPoints },
          })),
        ],
        cursor: {
          y: false,
          points: { size: 6 },
          drag: { x: true, y: false, setScale: false },
        },
        hooks: {
          setSelect: [
            (plot) => {
              if (plot.select.width < 4) return;
              const at = (x: number) => nanosFromMillis(plot.posToVal(x, "x") * 1000);
              brush.current({
                start: at(plot.select.left),
                end: at(plot.select.left + plot.select.width),
              });
            },
          ],
          setCursor: [(plot) => showTooltip(plot, tooltip.current, lines)],
        },
      },
      [[...times], ...lines.map(({ values }) => [...values])],
      element,
    );
    return () => plot.destroy();
  }, [element, width, times, lines, unit, interval, palette]);

  return (
    <div className="relative px-1">
      <div ref={ref} role="img" aria-label={label} style={{ height: HEIGHT }} />
      <div
        ref={tooltip}
        className="pointer-events-none absolute top-3 z-20 hidden rounded-md border border-line bg-raised px-2.5 py-1.5 text-[12px] leading-[18px] shadow-pop"
      />
    </div>
  );
}

/** From zero where that loses nothing: a chart that cuts off the foot exaggerates. */
function valueRange(min: number | null, max: number | null): [number, number] {
  if (min === null || max === null) return [0, 1];
  const bottom = Math.min(0, min);
  const top = max <= bottom ? bottom + 1 : max + (max - bottom) * 0.06;
  return [bottom, top];
}

function timeLabel(seconds: number, { start, end }: Interval): string {
  const time = nanosFromMillis(seconds * 1000);
  const length = Number(end - start) / 1e9;
  if (length > 2 * 86_400) return formatDateTime(time, 0).slice(5, 16);
  return length > 600 ? formatClock(time, 0).slice(0, 5) : formatClock(time, 0);
}

/** Indices of values that no line reaches. */
function lonelyPoints(plot: uPlot, series: number): number[] {
  const values = plot.data[series] ?? [];
  const lonely: number[] = [];
  for (let i = 0; i < values.length; i += 1) {
    if (values[i] != null && values[i - 1] == null && values[i + 1] == null) lonely.push(i);
  }
  return lonely;
}

function showTooltip(plot: uPlot, box: HTMLDivElement | null, lines: readonly DrawnLine[]): void {
  if (!box) return;
  const index = plot.cursor.idx;
  const left = plot.cursor.left ?? -1;
  const seconds = index == null ? null : plot.data[0][index];
  if (index == null || seconds == null || left < 0) {
    box.style.display = "none";
    return;
  }
  const rows = lines
    .map((line) => ({ line, value: line.shown ? (line.values[index] ?? null) : null }))
    .filter(({ value }) => value !== null)
    .sort((a, b) => (b.value ?? 0) - (a.value ?? 0))
    .slice(0, 12);
  box.replaceChildren(textRow(formatDateTime(nanosFromMillis(seconds * 1000), 0), "", ""));
  for (const { line, value } of rows) {
    box.append(textRow(line.name, formatMetricValue(value ?? 0, line.unit), line.color));
  }
  if (rows.length === 0) box.append(textRow("No value", "", ""));
  box.style.display = "block";
  const x = left + plot.bbox.left / window.devicePixelRatio;
  const right = left > plot.width * 0.5;
  box.style.left = right ? "auto" : `${x + 18}px`;
  box.style.right = right ? `${plot.width - x + 18}px` : "auto";
}

function textRow(name: string, value: string, color: string): HTMLElement {
  const row = document.createElement("div");
  row.style.cssText = "display:flex;align-items:center;gap:6px;white-space:nowrap";
  if (color) {
    const dot = document.createElement("span");
    dot.style.cssText = `width:8px;height:8px;border-radius:2px;background:${color}`;
    row.append(dot);
  }
  const label = document.createElement("span");
  label.textContent = name;
  label.style.flexGrow = "1";
  const number = document.createElement("span");
  number.textContent = value;
  number.style.paddingLeft = "12px";
  row.append(label, number);
  return row;
}
