import { Link } from "@tanstack/react-router";
import type { ReactNode } from "react";
import type { Schemas } from "@/api/client";
import type { TimeSearch } from "@/app/useTime";
import { serviceColor } from "@/lib/color";
import {
  formatClock,
  formatDate,
  formatDuration,
  formatExactNanos,
  formatExactTime,
} from "@/lib/format";
import { parseTraceId, type TraceId } from "@/lib/ids";
import { nanos } from "@/lib/nanos";
import { ServiceDot } from "@/ui/controls";
import { ErrorIcon, WarnIcon } from "@/ui/icons";
import { VirtualList } from "@/ui/VirtualList";

export type TraceSummary = Schemas["TraceSummary"];

type Props = {
  traces: readonly TraceSummary[];
  selected: number;
  dimmed: boolean;
  timeSearch: TimeSearch;
  footer: ReactNode;
  onSelect: (index: number) => void;
  onOpen: (id: TraceId) => void;
  onEnd: (() => void) | undefined;
};

const COLUMNS = "grid grid-cols-[92px_minmax(220px,1fr)_minmax(150px,350px)_52px_180px] gap-3 px-3";

/** Traces, in the order given. Pure view; useTraceSearch loads the data. */
export function TraceList({
  traces,
  selected,
  dimmed,
  timeSearch,
  footer,
  onSelect,
  onOpen,
  onEnd,
}: Props) {
  const longest = traces.reduce((max, trace) => Math.max(max, Number(trace.duration_ns)), 1);
  const open = (trace: TraceSummary | undefined) => {
    const id = trace ? parseTraceId(trace.trace_id) : null;
    if (id) onOpen(id);
  };

  return (
    <VirtualList
      label="Traces"
      items={traces}
      itemKey={(trace) => trace.trace_id}
      rowHeight={28}
      selected={selected}
      dimmed={dimmed}
      onSelect={onSelect}
      onOpen={(index) => open(traces[index])}
      onEnd={onEnd}
      footer={footer}
      header={
        <div
          className={`${COLUMNS} sticky top-0 z-10 h-7 items-center border-line border-b bg-bg text-[12px] text-muted`}
        >
          <span>Start</span>
          <span>Trace</span>
          <span>Services</span>
          <span className="text-right">Spans</span>
          <span className="text-right">Duration</span>
        </div>
      }
      renderRow={(trace, index) => (
        <TraceRow
          trace={trace}
          selected={index === selected}
          share={Number(trace.duration_ns) / longest}
          timeSearch={timeSearch}
          onSelect={() => onSelect(index)}
        />
      )}
    />
  );
}

function TraceRow({
  trace,
  selected,
  share,
  timeSearch,
  onSelect,
}: {
  trace: TraceSummary;
  selected: boolean;
  share: number;
  timeSearch: TimeSearch;
  onSelect: () => void;
}) {
  const start = nanos(trace.start_time);
  const duration = nanos(trace.duration_ns);
  const title = `${trace.root_service} · ${trace.root_name}`;
  const matched = trace.matched_span;
  // One match says where in the trace it is; many would only say that there are many.
  const elsewhere =
    trace.matched_span_count === 1 &&
    (matched.name !== trace.root_name || matched.service_name !== trace.root_service);

  return (
    <Link
      to="/traces/$traceId"
      params={{ traceId: trace.trace_id }}
      search={timeSearch}
      preload={false}
      onClick={onSelect}
      aria-label={`${title}, ${formatDuration(duration)}${trace.error_count > 0 ? `, ${trace.error_count} errors` : ""}`}
      className={`${COLUMNS} size-full items-center border-line border-b text-left ${
        selected ? "bg-selected" : "hover:bg-hover"
      }`}
    >
      <span className="text-muted" title={`${formatDate(start)}\n${formatExactTime(start)}`}>
        {formatClock(start)}
      </span>
      <span className="flex min-w-0 items-center gap-2">
        <ServiceDot color={serviceColor(trace.root_service)} />
        <span className="shrink-0 text-muted">{trace.root_service}</span>
        <span className="truncate font-medium">{trace.root_name}</span>
        {trace.error_count > 0 ? (
          <span
            className="inline-flex shrink-0 items-center gap-1 rounded-sm bg-error-soft px-1.5 text-[12px] text-error leading-[18px]"
            title={`${trace.error_count} spans with an error`}
          >
            <ErrorIcon className="size-3" />
            {trace.error_count}
          </span>
        ) : null}
        {trace.root_missing ? (
          <span
            className="inline-flex shrink-0 items-center gap-1 text-[12px] text-warn"
            title="The root span has not arrived; the earliest span stands in for it."
          >
            <WarnIcon className="size-3.5" />
            no root
          </span>
        ) : null}
        {elsewhere ? (
          <span
            className="min-w-0 shrink-[20] truncate text-faint"
            title={`The span that matches, of ${matched.service_name}`}
          >
            ↳ {matched.name}
          </span>
        ) : null}
      </span>
      <span
        className="flex min-w-0 items-center gap-2.5 overflow-hidden text-muted"
        title={trace.services.map(({ name, span_count }) => `${name}: ${span_count}`).join("\n")}
      >
        {trace.services.map(({ name }) => (
          <span key={name} className="flex min-w-4 items-center gap-1">
            <ServiceDot color={serviceColor(name)} />
            <span className="truncate">{name}</span>
          </span>
        ))}
      </span>
      <span className="text-right text-muted">{trace.span_count}</span>
      <span className="flex items-center justify-end gap-2" title={formatExactNanos(duration)}>
        <span className="h-1.5 grow overflow-hidden rounded-full bg-sunken">
          <span
            className="block h-full rounded-full"
            style={{ width: `${Math.max(1, share * 100)}%`, background: "var(--bar)" }}
          />
        </span>
        <span className="w-[68px] shrink-0 text-right">{formatDuration(duration)}</span>
      </span>
    </Link>
  );
}
