import { Link } from "@tanstack/react-router";
import type { ReactNode } from "react";
import type { Schemas } from "@/api/client";
import { serviceColor } from "@/lib/color";
import { formatDuration, formatExactNanos, formatExactTime, formatPercent } from "@/lib/format";
import { parseSpanId, parseTraceId, type SpanId, type TraceId } from "@/lib/ids";
import { nanos } from "@/lib/nanos";
import { Attributes } from "@/ui/Attributes";
import { CopyButton } from "@/ui/CopyButton";
import { Button, IconButton, ServiceDot } from "@/ui/controls";
import { ChevronIcon, CloseIcon, ErrorIcon, LogsIcon, WarnIcon } from "@/ui/icons";
import { ErrorState, SkeletonRows } from "@/ui/states";
import { Tabs } from "@/ui/Tabs";
import { type SpanNode, type TraceModel, traceTime } from "./model";
import { RelatedLogs } from "./RelatedLogs";
import { useTraceLines } from "./useTraceLines";

export const SPAN_TABS = ["attributes", "events", "links", "logs", "raw"] as const;
export type SpanTab = (typeof SPAN_TABS)[number];

/** Of the answer that has the span. */
type Trace = Pick<Schemas["Trace"], "resources" | "scopes">;

type Props = {
  traceId: TraceId;
  /** Null until everything of the span is there. */
  trace: Trace | null;
  /** Why it is not. */
  error: Error | null;
  onRetry: () => void;
  model: TraceModel;
  node: SpanNode;
  tab: SpanTab;
  onTab: (tab: SpanTab) => void;
  onSelectSpan: (spanId: SpanId) => void;
  onFilter: (term: string) => void;
  onClose: () => void;
};

/** Everything that is known about one span. */
export function SpanPanel({
  traceId,
  trace,
  error,
  onRetry,
  model,
  node,
  tab,
  onTab,
  onSelectSpan,
  onFilter,
  onClose,
}: Props) {
  const { span } = node;
  const spanId = parseSpanId(span.span_id);
  const logs = useTraceLines(traceId, spanId, traceTime(model).end);

  return (
    <aside aria-label="Span" className="flex min-h-0 grow flex-col bg-bg">
      <div className="shrink-0 px-3 pt-2 pb-2">
        <div className="flex items-start gap-2">
          <h2 className="min-w-0 grow break-words pt-0.5 font-semibold text-[14px]">{span.name}</h2>
          <Button pressed={tab === "logs"} onClick={() => onTab("logs")}>
            <LogsIcon className="size-3.5" />
            Related logs
          </Button>
          <IconButton label="Close the panel" onClick={onClose} className="mt-0.5">
            <CloseIcon />
          </IconButton>
        </div>
        <Facts node={node} model={model} onSelectSpan={onSelectSpan} />
      </div>
      <Tabs
        label="Span details"
        active={tab}
        onChange={onTab}
        tabs={[
          {
            id: "attributes",
            label: "Attributes",
            count: trace ? span.attributes.length : undefined,
          },
          { id: "events", label: "Events", count: trace ? span.events.length : undefined },
          { id: "links", label: "Links", count: trace ? span.links.length : undefined },
          { id: "logs", label: "Logs", count: logs.ofSpan },
          { id: "raw", label: "Raw" },
        ]}
      />
      <div
        role="tabpanel"
        aria-labelledby={`tab-${tab}`}
        className="flex min-h-0 grow flex-col overflow-y-auto"
      >
        {!trace && tab !== "logs" ? (
          error ? (
            <ErrorState what="The span could not be loaded." error={error} onRetry={onRetry} />
          ) : (
            <SkeletonRows rows={6} />
          )
        ) : null}
        {trace && tab === "attributes" ? (
          <AttributesTab trace={trace} node={node} onFilter={onFilter} />
        ) : null}
        {trace && tab === "events" ? <EventsTab node={node} model={model} /> : null}
        {trace && tab === "links" ? <LinksTab node={node} /> : null}
        {tab === "logs" ? (
          <RelatedLogs
            logs={logs}
            traceId={traceId}
            model={model}
            spanId={spanId}
            onSelectSpan={onSelectSpan}
          />
        ) : null}
        {trace && tab === "raw" ? <RawTab trace={trace} node={node} /> : null}
      </div>
    </aside>
  );
}

function Facts({
  node,
  model,
  onSelectSpan,
}: {
  node: SpanNode;
  model: TraceModel;
  onSelectSpan: (spanId: SpanId) => void;
}) {
  const { span, parent } = node;
  const duration = nanos(span.duration_ns);
  const start = nanos(span.start_time);
  const selfTime = node.self.reduce((sum, [from, to]) => sum + to - from, 0);
  const parentId = parent ? parseSpanId(parent.span.span_id) : null;

  return (
    <>
      <dl className="mt-1.5 grid grid-cols-[repeat(auto-fill,minmax(132px,1fr))] gap-x-4 gap-y-1.5">
        <Fact label="Service">
          <span className="flex items-center gap-1.5">
            <ServiceDot color={serviceColor(span.service_name)} />
            <span className="truncate">{span.service_name}</span>
          </span>
        </Fact>
        <Fact label="Duration" title={formatExactNanos(duration)}>
          {formatDuration(duration)}
          {model.duration > 0 ? (
            <span className="text-faint"> {formatPercent(Number(duration) / model.duration)}</span>
          ) : null}
        </Fact>
        <Fact label="Self time">{formatDuration(selfTime)}</Fact>
        <Fact label="Starts" title={formatExactTime(start)}>
          +{formatDuration(start - model.start)}
        </Fact>
        <Fact label="Kind" title={`kind ${span.kind_number}`}>
          {span.kind}
        </Fact>
        <Fact label="Status" title={`status code ${span.status.code_number}`}>
          {node.error ? (
            <span className="inline-flex items-center gap-1 text-error">
              <ErrorIcon className="size-3.5" />
              error
            </span>
          ) : (
            span.status.code
          )}
        </Fact>
        <Fact label="Span id">
          <span className="flex items-center">
            <span className="truncate font-mono text-[12px]">{span.span_id}</span>
            <CopyButton text={span.span_id} label="Copy the span id" />
            {span.same_id_count > 1 && (
              <span
                className="inline-flex items-center gap-1 whitespace-nowrap text-warn"
                title="Two clients made the same id, or a span was sent again with other content."
              >
                <WarnIcon className="size-3.5" />
                of {span.same_id_count} spans
              </span>
            )}
          </span>
        </Fact>
        <Fact label="Parent">
          {parent && parentId ? (
            <button
              type="button"
              onClick={() => onSelectSpan(parentId)}
              className="block max-w-full truncate text-accent hover:underline"
            >
              {parent.span.name}
            </button>
          ) : node.parentMissing ? (
            <span
              className="inline-flex items-center gap-1 text-warn"
              title={`${span.parent_span_id || "It"} has not arrived.`}
            >
              <WarnIcon className="size-3.5" />
              not arrived
            </span>
          ) : (
            <span className="text-faint">none: the root</span>
          )}
        </Fact>
      </dl>
      {span.status.message ? (
        <p
          className={`mt-2 max-h-32 overflow-y-auto whitespace-pre-wrap break-words rounded-md px-2.5 py-1.5 font-mono text-[12px] leading-[18px] ${
            node.error ? "bg-error-soft text-error" : "bg-sunken"
          }`}
        >
          {span.status.message}
        </p>
      ) : null}
      {node.skew > 0 ? (
        <p className="mt-2 rounded-md bg-warn-soft px-2.5 py-1 text-warn">
          Starts {formatDuration(node.skew)} before its parent: the two clocks differ.
        </p>
      ) : null}
    </>
  );
}

function Fact({ label, title, children }: { label: string; title?: string; children: ReactNode }) {
  return (
    <div className="min-w-0">
      <dt className="text-[11px] text-faint leading-4">{label}</dt>
      <dd className="min-w-0" title={title}>
        {children}
      </dd>
    </div>
  );
}

function Section({
  title,
  count,
  open,
  children,
}: {
  title: string;
  count: number;
  open: boolean;
  children: ReactNode;
}) {
  return (
    <details open={open} className="group/section border-line border-b py-1">
      <summary className="flex h-6 cursor-pointer list-none items-center gap-1 px-2 text-muted hover:text-fg">
        <ChevronIcon className="size-3 group-open/section:rotate-90" />
        {title}
        <span className="text-[11px] text-faint">{count}</span>
      </summary>
      {children}
    </details>
  );
}

function AttributesTab({
  trace,
  node: { span },
  onFilter,
}: {
  trace: Trace;
  node: SpanNode;
  onFilter: (term: string) => void;
}) {
  const resource = trace.resources[span.resource_id];
  const scope = trace.scopes[span.scope_id];
  return (
    <>
      <Section title="Span" count={span.attributes.length} open>
        <Attributes
          label="Span attributes"
          attributes={span.attributes}
          dropped={span.dropped_attributes_count}
          onFilter={onFilter}
        />
      </Section>
      {resource ? (
        <Section title="Resource" count={resource.attributes.length} open={false}>
          <Attributes
            label="Resource attributes"
            attributes={resource.attributes}
            dropped={resource.dropped_attributes_count}
            prefix="resource."
            onFilter={onFilter}
          />
        </Section>
      ) : null}
      {scope ? (
        <Section title="Scope" count={scope.attributes.length} open={false}>
          <Attributes
            label="Scope"
            attributes={[
              { key: "name", type: "string", value: scope.name },
              { key: "version", type: "string", value: scope.version },
              ...scope.attributes,
            ]}
            dropped={scope.dropped_attributes_count}
          />
        </Section>
      ) : null}
      {span.trace_state ? (
        <Section title="Trace state" count={1} open={false}>
          <p className="break-words px-3 py-1 font-mono text-[12px]">{span.trace_state}</p>
        </Section>
      ) : null}
    </>
  );
}

function EventsTab({ node: { span }, model }: { node: SpanNode; model: TraceModel }) {
  if (span.events.length === 0 && span.dropped_events_count === 0) {
    return (
      <EmptyTab>This span has no events. Exceptions that a program records appear here.</EmptyTab>
    );
  }
  const spanStart = nanos(span.start_time);
  return (
    <ol aria-label="Events">
      {span.events.map((event, index) => {
        const time = nanos(event.time);
        const exception = event.name === "exception";
        return (
          // biome-ignore lint/suspicious/noArrayIndexKey: events have no id and a fixed order.
          <li key={index} className="border-line border-b py-2">
            <div className="mb-1 flex items-baseline gap-3 px-3">
              <span className={`min-w-0 grow font-medium ${exception ? "text-error" : ""}`}>
                {event.name}
              </span>
              <span className="text-muted" title={formatExactTime(time)}>
                +{formatDuration(time - spanStart)}{" "}
                <span className="text-faint">in the span, </span>+
                {formatDuration(time - model.start)}{" "}
                <span className="text-faint">in the trace</span>
              </span>
            </div>
            <Attributes
              label={`Attributes of ${event.name}`}
              attributes={event.attributes}
              dropped={event.dropped_attributes_count}
            />
          </li>
        );
      })}
      {span.dropped_events_count > 0 ? (
        <li className="px-3 py-2 text-warn">
          {span.dropped_events_count} more events were dropped by the sender.
        </li>
      ) : null}
    </ol>
  );
}

function LinksTab({ node: { span } }: { node: SpanNode }) {
  if (span.links.length === 0 && span.dropped_links_count === 0) {
    return <EmptyTab>This span has no links to other traces.</EmptyTab>;
  }
  return (
    <ul aria-label="Links">
      {span.links.map((link, index) => {
        const traceId = parseTraceId(link.trace_id);
        return (
          // biome-ignore lint/suspicious/noArrayIndexKey: the same span may be linked twice.
          <li key={index} className="border-line border-b py-2">
            <div className="px-3 font-mono text-[12px]">
              {traceId ? (
                <Link
                  to="/traces/$traceId"
                  params={{ traceId }}
                  search={{ span: link.span_id }}
                  className="text-accent hover:underline"
                >
                  trace {link.trace_id}
                  <br />
                  span {link.span_id}
                </Link>
              ) : (
                `${link.trace_id} ${link.span_id}`
              )}
            </div>
            <Attributes
              label="Link attributes"
              attributes={link.attributes}
              dropped={link.dropped_attributes_count}
            />
          </li>
        );
      })}
      {span.dropped_links_count > 0 ? (
        <li className="px-3 py-2 text-warn">
          {span.dropped_links_count} more links were dropped by the sender.
        </li>
      ) : null}
    </ul>
  );
}

function RawTab({ trace, node: { span } }: { trace: Trace; node: SpanNode }) {
  const text = JSON.stringify(
    { ...span, resource: trace.resources[span.resource_id], scope: trace.scopes[span.scope_id] },
    null,
    2,
  );
  return (
    <div className="relative min-h-0 grow">
      <span className="absolute top-1 right-3">
        <CopyButton text={text} label="Copy the JSON" />
      </span>
      <pre className="h-full overflow-auto p-3 font-mono text-[12px] leading-[18px]">{text}</pre>
    </div>
  );
}

function EmptyTab({ children }: { children: ReactNode }) {
  return <p className="px-3 py-6 text-center text-muted">{children}</p>;
}
