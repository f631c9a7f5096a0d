import { Link } from "@tanstack/react-router";
import { type ReactNode, useEffect, useRef, useState } from "react";
import { useUncorrelatedLogs } from "@/api/queries";
import { serviceColor } from "@/lib/color";
import { condition } from "@/lib/filter";
import { formatClock, formatDuration, formatExactTime, plural } from "@/lib/format";
import { parseSpanId, type SpanId, type TraceId } from "@/lib/ids";
import { type Nanos, NS_PER_S, nanos } from "@/lib/nanos";
import { SEVERITY_COLOR, SEVERITY_TEXT_CLASS, severityLabel } from "@/lib/severity";
import { absoluteSearch, type Interval } from "@/lib/timeRange";
import { Attributes } from "@/ui/Attributes";
import { BUTTON_CLASS, Button, ServiceDot } from "@/ui/controls";
import { OpenIcon } from "@/ui/icons";
import { EmptyState, ErrorState, SkeletonRows } from "@/ui/states";
import { type TraceModel, traceTime } from "./model";
import type { LogRecord, TraceLines } from "./useTraceLines";

type Props = {
  logs: TraceLines;
  traceId: TraceId;
  model: TraceModel;
  spanId: SpanId | null;
  onSelectSpan: (spanId: SpanId) => void;
};

/** The trace's log lines in time order, those of one span marked. */
export function RelatedLogs({ logs, traceId, model, spanId, onSelectSpan }: Props) {
  const { lines } = logs;
  const ofTrace = traceTime(model);
  const services = model.services.map(({ name }) => name);
  const nearby = padded(ofTrace, 300n * NS_PER_S);
  const uncorrelated = useUncorrelatedLogs(nearby, services, lines?.length === 0);

  const failure = logs.error ? (
    <ErrorState
      what={lines ? "Some log lines could not be loaded." : "The log lines could not be loaded."}
      error={logs.error}
      onRetry={logs.retry}
    />
  ) : null;
  if (!lines) return failure ?? <SkeletonRows rows={8} height={22} />;

  if (lines.length === 0) {
    if (uncorrelated.isPending) return <SkeletonRows rows={3} height={22} />;
    return uncorrelated.data ? (
      <NoTraceIds interval={nearby} services={services} />
    ) : (
      <EmptyState title="This trace has no log lines">
        None of its services sent a log record with this trace's id. If they log, connect their
        logger to OpenTelemetry: records made while a span is active carry its ids.
      </EmptyState>
    );
  }

  // The times of lines that are not loaded are not known.
  const linesTime = logs.showMoreOfTrace
    ? nearby
    : padded(lines.reduce(including, ofTrace), NS_PER_S);
  const filter = condition("trace_id", "=", traceId);

  return (
    <>
      <div className="flex shrink-0 items-center gap-3 border-line border-b px-3 py-1.5">
        <span className="min-w-0 grow text-muted">
          <CountOfSpan count={logs.ofSpan} />, {logs.inTrace} in the trace
        </span>
        <Link
          to="/logs"
          search={{ ...absoluteSearch(linesTime), q: filter }}
          className={BUTTON_CLASS}
        >
          <OpenIcon className="size-3.5 text-faint" />
          Open in Logs
        </Link>
      </div>
      {failure}
      <LogLines
        logs={logs}
        lines={lines}
        start={model.start}
        spanId={spanId}
        onSelectSpan={onSelectSpan}
      />
    </>
  );
}

function CountOfSpan({ count }: { count: number | undefined }) {
  if (count === undefined) return <>Counting those of this span</>;
  if (count === 0) return <>None of this span</>;
  return (
    <>
      <span className="font-medium text-fg">{count}</span> of this span
    </>
  );
}

function NoTraceIds({ interval, services }: { interval: Interval; services: readonly string[] }) {
  const filter = services.map((name) => condition("service.name", "=", name)).join(" OR ");
  return (
    <EmptyState
      title="Logs arrive without trace ids"
      actions={
        <Link
          to="/logs"
          search={{ ...absoluteSearch(interval), q: filter }}
          className={BUTTON_CLASS}
        >
          Open the logs of that time
        </Link>
      }
    >
      The services of this trace log, but their records carry no trace id. Let their logger take the
      active span's context, then the lines appear here.
    </EmptyState>
  );
}

function padded({ start, end }: Interval, by: Nanos): Interval {
  return { start: start - by, end: end + by };
}

function including({ start, end }: Interval, record: LogRecord): Interval {
  const time = nanos(record.time);
  return { start: time < start ? time : start, end: time > end ? time : end };
}

function LogLines({
  logs,
  lines,
  start,
  spanId,
  onSelectSpan,
}: {
  logs: TraceLines;
  lines: readonly LogRecord[];
  start: Nanos;
  spanId: SpanId | null;
  onSelectSpan: (spanId: SpanId) => void;
}) {
  const [open, setOpen] = useState<ReadonlySet<string>>(new Set());
  const list = useRef<HTMLUListElement>(null);
  const firstOfSpan = lines.find(({ span_id }) => span_id === spanId)?.id;

  // biome-ignore lint/correctness/useExhaustiveDependencies: another line is another place to be.
  useEffect(() => {
    list.current?.querySelector("[data-marked=true]")?.scrollIntoView({ block: "nearest" });
  }, [firstOfSpan]);

  const line = (record: LogRecord) => (
    <LogLine
      key={record.id}
      record={record}
      start={start}
      marked={spanId !== null && record.span_id === spanId}
      expanded={open.has(record.id)}
      onToggle={() => setOpen((old) => toggled(old, record.id))}
      onSelectSpan={onSelectSpan}
    />
  );

  return (
    <ul
      ref={list}
      aria-label="Related log lines"
      className="min-h-0 grow overflow-y-auto font-mono text-[12px]"
    >
      {lines.slice(0, logs.complete).map(line)}
      {logs.showMoreOfTrace ? (
        <MoreLines label="Show more of the trace" busy={logs.busy} onClick={logs.showMoreOfTrace}>
          {plural(logs.inTrace - logs.complete, "later line")} of the trace; those of this span
          follow
        </MoreLines>
      ) : null}
      {lines.slice(logs.complete).map(line)}
      {logs.showMoreOfSpan ? (
        <MoreLines label="Show more of this span" busy={logs.busy} onClick={logs.showMoreOfSpan} />
      ) : null}
    </ul>
  );
}

function MoreLines({
  label,
  busy,
  onClick,
  children,
}: {
  label: string;
  busy: boolean;
  onClick: () => void;
  children?: ReactNode;
}) {
  return (
    <li className="flex items-center gap-3 border-line border-y bg-sunken px-3 py-1 font-sans text-[13px] text-muted">
      <span className="min-w-0 grow">{children}</span>
      <Button disabled={busy} onClick={onClick}>
        {label}
      </Button>
    </li>
  );
}

function LogLine({
  record,
  start,
  marked,
  expanded,
  onToggle,
  onSelectSpan,
}: {
  record: LogRecord;
  start: Nanos;
  marked: boolean;
  expanded: boolean;
  onToggle: () => void;
  onSelectSpan: (spanId: SpanId) => void;
}) {
  const time = nanos(record.time);
  return (
    <li data-marked={marked} {...(marked ? { "aria-current": true } : {})}>
      <button
        type="button"
        aria-expanded={expanded}
        onClick={onToggle}
        className={`flex w-full items-start gap-2 pr-3 text-left leading-[22px] ${
          marked ? "bg-selected" : "text-muted hover:bg-hover"
        }`}
      >
        <span
          aria-hidden="true"
          className="w-[3px] shrink-0 self-stretch"
          style={{ background: SEVERITY_COLOR[record.severity] }}
        />
        <span
          className="w-[68px] shrink-0 text-right text-faint"
          title={`${formatClock(time, 9)}\n${formatExactTime(time)}`}
        >
          {offset(time - start)}
        </span>
        <span className={`w-[42px] shrink-0 ${SEVERITY_TEXT_CLASS[record.severity]}`}>
          {severityLabel(record.severity, record.severity_text)}
        </span>
        <span className="flex h-[22px] shrink-0 items-center" title={record.service_name}>
          <ServiceDot color={serviceColor(record.service_name)} />
        </span>
        <span className={`min-w-0 ${expanded ? "whitespace-pre-wrap break-words" : "truncate"}`}>
          {record.body.value}
        </span>
      </button>
      {expanded ? (
        <div className="border-line border-b bg-sunken py-1.5 pl-3 font-sans text-[13px]">
          <Attributes
            label="Log attributes"
            attributes={record.attributes}
            dropped={record.dropped_attributes_count}
          />
          <SpanReference record={record} marked={marked} onSelectSpan={onSelectSpan} />
        </div>
      ) : null}
    </li>
  );
}

function SpanReference({
  record,
  marked,
  onSelectSpan,
}: {
  record: LogRecord;
  marked: boolean;
  onSelectSpan: (spanId: SpanId) => void;
}) {
  const id = record.span_id === null ? null : parseSpanId(record.span_id);
  if (!id || marked) return null;
  return (
    <button
      type="button"
      onClick={() => onSelectSpan(id)}
      className="px-3 py-0.5 text-accent hover:underline"
    >
      Show the span of this line
    </button>
  );
}

function offset(value: Nanos): string {
  const text = formatDuration(value);
  return value < 0n ? text : `+${text}`;
}

function toggled(set: ReadonlySet<string>, id: string): ReadonlySet<string> {
  const next = new Set(set);
  if (!next.delete(id)) next.add(id);
  return next;
}
