import { Link } from "@tanstack/react-router";
import { useEffect, useRef, useState } from "react";
import type { Schemas } from "@/api/client";
import { useTraceLogs, useUncorrelatedLogs } from "@/api/queries";
import { serviceColor } from "@/lib/color";
import { condition } from "@/lib/filter";
import { formatClock, formatDuration, formatExactTime } from "@/lib/format";
import { parseSpanId, type SpanId, type TraceId } from "@/lib/ids";
import { type Nanos, NS_PER_S, nanos } from "@/lib/nanos";
import { SEVERITY_COLOR, SEVERITY_TEXT_CLASS, severityLabel } from "@/lib/severity";
import { absoluteSearch, type Interval } from "@/lib/timeRange";
import { Attributes } from "@/ui/Attributes";
import { BUTTON_CLASS, ServiceDot } from "@/ui/controls";
import { OpenIcon } from "@/ui/icons";
import { EmptyState, ErrorState, SkeletonRows } from "@/ui/states";
import type { TraceModel } from "./model";

type LogRecord = Schemas["LogRecord"];

type Props = {
  traceId: TraceId;
  model: TraceModel;
  spanId: SpanId | null;
  onSelectSpan: (spanId: SpanId) => void;
};

/** The trace's log lines in time order, those of one span marked. */
export function RelatedLogs({ traceId, model, spanId, onSelectSpan }: Props) {
  const logs = useTraceLogs(traceId, true);
  const traceTime: Interval = {
    start: model.start,
    end: model.start + BigInt(Math.ceil(model.duration)),
  };
  const services = model.services.map(({ name }) => name);
  const noLogs = logs.data?.logs.length === 0;
  const nearby = padded(traceTime, 300n * NS_PER_S);
  const uncorrelated = useUncorrelatedLogs(nearby, services, noLogs === true);

  if (logs.isPending) return <SkeletonRows rows={8} height={22} />;
  if (logs.error) {
    return (
      <ErrorState
        what="The log lines could not be loaded."
        error={logs.error}
        onRetry={() => void logs.refetch()}
      />
    );
  }

  const records = logs.data.logs;
  if (records.length === 0) {
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

  const ofSpan = records.filter(({ span_id }) => span_id === spanId).length;
  const linesTime = padded(records.reduce(including, traceTime), NS_PER_S);
  const filter = condition("trace_id", "=", traceId);

  return (
    <>
      <div className="flex shrink-0 items-center gap-3 border-line border-b px-3 py-1.5">
        <span className="min-w-0 grow text-muted">
          {ofSpan > 0 ? (
            <>
              <span className="font-medium text-fg">{ofSpan}</span> of this span,{" "}
            </>
          ) : (
            <>None of this span, </>
          )}
          {records.length} in the trace
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
      <LogLines records={records} start={model.start} spanId={spanId} onSelectSpan={onSelectSpan} />
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
  records,
  start,
  spanId,
  onSelectSpan,
}: {
  records: readonly LogRecord[];
  start: Nanos;
  spanId: SpanId | null;
  onSelectSpan: (spanId: SpanId) => void;
}) {
  const [open, setOpen] = useState<ReadonlySet<number>>(new Set());
  const list = useRef<HTMLUListElement>(null);

  // biome-ignore lint/correctness/useExhaustiveDependencies: another span is another place to be.
  useEffect(() => {
    list.current?.querySelector("[data-marked=true]")?.scrollIntoView({ block: "nearest" });
  }, [spanId]);

  return (
    <ul
      ref={list}
      aria-label="Related log lines"
      className="min-h-0 grow overflow-y-auto font-mono text-[12px]"
    >
      {records.map((record, index) => {
        const marked = spanId !== null && record.span_id === spanId;
        const expanded = open.has(index);
        const time = nanos(record.time);
        return (
          // biome-ignore lint/suspicious/noArrayIndexKey: equal records have equal ids; the order is fixed.
          <li key={index} data-marked={marked} {...(marked ? { "aria-current": true } : {})}>
            <button
              type="button"
              aria-expanded={expanded}
              onClick={() => setOpen((old) => toggled(old, index))}
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
              <span
                className={`min-w-0 ${expanded ? "whitespace-pre-wrap break-words" : "truncate"}`}
              >
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
      })}
    </ul>
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

function toggled(set: ReadonlySet<number>, index: number): ReadonlySet<number> {
  const next = new Set(set);
  if (!next.delete(index)) next.add(index);
  return next;
}
