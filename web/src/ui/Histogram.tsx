import { useRef, useState } from "react";
import { formatClock, formatCount, formatDateTime } from "@/lib/format";
import { millisFromNanos, type Nanos } from "@/lib/nanos";
import type { Interval } from "@/lib/timeRange";

export type Layer = { readonly name: string; readonly color: string };
export type Bucket = {
  readonly time: Nanos;
  /** One count per layer, in the layers' order. */
  readonly counts: readonly number[];
};

type Props = {
  label: string;
  buckets: readonly Bucket[];
  step: Nanos;
  /** Drawn from the bottom up. */
  layers: readonly Layer[];
  interval: Interval;
  onBrush: (interval: Interval) => void;
};

const HEIGHT = 64;
/** Above the bars, where the greatest count stands. */
const HEADROOM = 18;

/** Counts over time, stacked. Dragging over it chooses a time range. */
export function Histogram({ label, buckets, step, layers, interval, onBrush }: Props) {
  const frame = useRef<HTMLDivElement>(null);
  const [hover, setHover] = useState<number | null>(null);
  const [drag, setDrag] = useState<{ from: number; to: number } | null>(null);

  const span = Number(interval.end - interval.start) || 1;
  const max = Math.max(1, ...buckets.map(({ counts }) => sum(counts)));
  const total = buckets.reduce((all, { counts }) => all + sum(counts), 0);
  const hovered = hover === null ? null : buckets[bucketAt(hover)];

  function share(clientX: number): number {
    const box = frame.current?.getBoundingClientRect();
    return box ? Math.min(1, Math.max(0, (clientX - box.left) / box.width)) : 0;
  }

  function timeAt(fraction: number): Nanos {
    return interval.start + BigInt(Math.round(fraction * span));
  }

  function bucketAt(fraction: number): number {
    const first = buckets[0];
    if (!first) return -1;
    return Number((timeAt(fraction) - first.time) / (step || 1n));
  }

  return (
    <div className="shrink-0 border-line border-b px-3 pt-2 pb-1">
      <div
        ref={frame}
        role="img"
        aria-label={`${label}: ${formatCount(total)} in total, at most ${formatCount(max)} at a time`}
        className="relative cursor-crosshair touch-none select-none"
        style={{ height: HEIGHT }}
        onPointerDown={(event) => {
          if (event.button !== 0) return;
          event.currentTarget.setPointerCapture(event.pointerId);
          const at = share(event.clientX);
          setDrag({ from: at, to: at });
        }}
        onPointerMove={(event) => {
          const at = share(event.clientX);
          setHover(at);
          if (drag) setDrag({ ...drag, to: at });
        }}
        onPointerLeave={() => setHover(null)}
        onPointerCancel={() => setDrag(null)}
        onPointerUp={() => {
          if (!drag) return;
          setDrag(null);
          const from = Math.min(drag.from, drag.to);
          const to = Math.max(drag.from, drag.to);
          if (to - from > 0.004) onBrush({ start: timeAt(from), end: timeAt(to) });
        }}
      >
        <svg
          viewBox={`0 0 1000 ${HEIGHT}`}
          preserveAspectRatio="none"
          className="block size-full"
          aria-hidden="true"
        >
          {buckets.map(({ time, counts }) => {
            const x = (Number(time - interval.start) / span) * 1000;
            const width = (Number(step) / span) * 1000;
            let y = HEIGHT;
            return counts.map((count, layer) => {
              if (count === 0) return null;
              const height = Math.max(1.5, (count / max) * (HEIGHT - HEADROOM));
              y -= height;
              return (
                <rect
                  key={`${time}-${layers[layer]?.name}`}
                  x={x + width * 0.08}
                  y={Math.max(0, y)}
                  width={width * 0.84}
                  height={height}
                  fill={layers[layer]?.color}
                />
              );
            });
          })}
        </svg>
        {drag ? (
          <div
            className="absolute inset-y-0 border-accent border-x bg-accent/15"
            style={{
              left: `${Math.min(drag.from, drag.to) * 100}%`,
              width: `${Math.abs(drag.to - drag.from) * 100}%`,
            }}
          />
        ) : null}
        {hover !== null && hovered && !drag ? (
          <div
            className="pointer-events-none absolute top-0 z-20 rounded-md border border-line bg-raised px-2 py-1 text-[12px] leading-4 shadow-pop"
            style={
              hover < 0.5
                ? { left: `calc(${hover * 100}% + 10px)` }
                : { right: `calc(${(1 - hover) * 100}% + 10px)` }
            }
          >
            <div className="whitespace-nowrap text-muted">{formatDateTime(hovered.time, 0)}</div>
            {layers.map(({ name, color }, layer) =>
              hovered.counts[layer] ? (
                <div key={name} className="flex items-center gap-1.5">
                  <span className="size-2 rounded-[2px]" style={{ background: color }} />
                  <span className="grow">{name}</span>
                  <span className="pl-3">{hovered.counts[layer]}</span>
                </div>
              ) : null,
            )}
          </div>
        ) : null}
        <span className="pointer-events-none absolute top-0 right-0 px-1 text-[11px] text-muted leading-4">
          {total > 0 ? formatCount(max) : ""}
        </span>
      </div>
      <TimeAxis interval={interval} />
    </div>
  );
}

function TimeAxis({ interval }: { interval: Interval }) {
  const ticks = timeTicks(interval, 8);
  const span = Number(interval.end - interval.start) || 1;
  return (
    <div className="relative h-4 text-[11px] text-faint leading-4" aria-hidden="true">
      {ticks.map(({ time, text }) => (
        <span
          key={time.toString()}
          className="-translate-x-1/2 absolute whitespace-nowrap"
          style={{ left: `${(Number(time - interval.start) / span) * 100}%` }}
        >
          {text}
        </span>
      ))}
    </div>
  );
}

const STEPS_S = [
  0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900,
  1800, 3600, 7200, 10_800, 21_600, 43_200, 86_400, 172_800, 604_800, 2_592_000,
];

/** Round local times inside the interval, about `count` of them. */
export function timeTicks(
  { start, end }: Interval,
  count: number,
): { time: Nanos; text: string }[] {
  const seconds = Number(end - start) / 1e9;
  const step = STEPS_S.find((candidate) => seconds / candidate <= count) ?? 2_592_000;
  const stepNs = BigInt(Math.round(step * 1e9));
  const zone = BigInt(new Date(millisFromNanos(start)).getTimezoneOffset()) * 60_000_000_000n;
  const ticks: { time: Nanos; text: string }[] = [];
  const margin = (end - start) / 40n;
  for (let time = ((start - zone) / stepNs) * stepNs + zone; time < end - margin; time += stepNs) {
    if (time < start + margin) continue;
    const text =
      step >= 86_400
        ? formatDateTime(time, 0).slice(5, 10)
        : step >= 60
          ? formatClock(time, 0).slice(0, 5)
          : formatClock(time, step < 1 ? 3 : 0);
    ticks.push({ time, text });
  }
  return ticks;
}

function sum(counts: readonly number[]): number {
  return counts.reduce((all, count) => all + count, 0);
}
