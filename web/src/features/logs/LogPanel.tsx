import { Link } from "@tanstack/react-router";
import { type ReactNode, useState } from "react";
import type { Schemas } from "@/api/client";
import { serviceColor } from "@/lib/color";
import { condition } from "@/lib/filter";
import { formatDateTime, formatExactTime } from "@/lib/format";
import { parseTraceId } from "@/lib/ids";
import { nanos } from "@/lib/nanos";
import { SEVERITY_TEXT_CLASS, severityLabel } from "@/lib/severity";
import { Attributes } from "@/ui/Attributes";
import { CopyButton } from "@/ui/CopyButton";
import { BUTTON_CLASS, IconButton, ServiceDot } from "@/ui/controls";
import { ChevronIcon, CloseIcon, TracesIcon } from "@/ui/icons";
import { Tabs } from "@/ui/Tabs";
import type { LogRecord } from "./LogLine";

type Props = {
  record: LogRecord;
  resource: Schemas["Resource"] | undefined;
  scope: Schemas["Scope"] | undefined;
  onFilter: (term: string) => void;
  onStep: (step: number) => void;
  onClose: () => void;
};

/** Everything that is known about one log record, with the way to its trace. */
export function LogPanel({ record, resource, scope, onFilter, onStep, onClose }: Props) {
  const [tab, setTab] = useState<"attributes" | "raw">("attributes");
  const time = nanos(record.time);
  const traceId = record.trace_id === null ? null : parseTraceId(record.trace_id);
  const raw = JSON.stringify({ ...record, resource, scope }, null, 2);

  return (
    <aside aria-label="Log record" className="flex min-h-0 grow flex-col bg-bg">
      <div className="flex h-10 shrink-0 items-center gap-2 px-3">
        <span
          className={SEVERITY_TEXT_CLASS[record.severity]}
          title={`severity ${record.severity_number}`}
        >
          {severityLabel(record.severity, record.severity_text)}
        </span>
        <span className="text-muted" title={formatExactTime(time)}>
          {formatDateTime(time)}
        </span>
        <span className="grow" />
        <IconButton label="Previous record (k)" onClick={() => onStep(-1)}>
          <ChevronIcon className="-rotate-90 size-4" />
        </IconButton>
        <IconButton label="Next record (j)" onClick={() => onStep(1)}>
          <ChevronIcon className="size-4 rotate-90" />
        </IconButton>
        <CopyButton text={record.body.value} label="Copy the body" />
        <IconButton label="Close the panel" onClick={onClose}>
          <CloseIcon />
        </IconButton>
      </div>
      <pre className="mx-3 max-h-[35%] shrink-0 overflow-auto whitespace-pre-wrap break-words rounded-md bg-sunken px-3 py-2 font-mono text-[12px] leading-[18px]">
        {record.body.value || record.event_name || "(empty body)"}
      </pre>
      <dl className="mx-3 my-2 grid shrink-0 grid-cols-[64px_1fr] gap-x-3 gap-y-0.5">
        <Fact label="Service">
          <span className="flex items-center gap-1.5">
            <ServiceDot color={serviceColor(record.service_name)} />
            {record.service_name}
          </span>
        </Fact>
        <Fact label="Trace">
          {traceId ? (
            <span className="flex items-center font-mono text-[12px]">
              <span className="truncate">{traceId}</span>
              <CopyButton text={traceId} label="Copy the trace id" />
            </span>
          ) : (
            <span className="text-faint">none: the record carries no trace id</span>
          )}
        </Fact>
        {record.span_id ? (
          <Fact label="Span">
            <span className="font-mono text-[12px]">{record.span_id}</span>
          </Fact>
        ) : null}
      </dl>
      {traceId ? (
        <div className="flex shrink-0 gap-2 px-3 pb-2">
          <Link
            to="/traces/$traceId"
            params={{ traceId }}
            search={record.span_id ? { span: record.span_id, tab: "logs" } : {}}
            className={BUTTON_CLASS}
          >
            <TracesIcon className="size-3.5 text-faint" />
            {record.span_id ? "Open the span" : "Open the trace"}
          </Link>
          <button
            type="button"
            onClick={() => onFilter(condition("trace_id", "=", traceId))}
            className={BUTTON_CLASS}
          >
            All logs of this trace
          </button>
        </div>
      ) : null}
      <Tabs
        label="Log record details"
        active={tab}
        onChange={setTab}
        tabs={[
          { id: "attributes", label: "Attributes", count: record.attributes.length },
          { id: "raw", label: "Raw" },
        ]}
      />
      <div role="tabpanel" aria-labelledby={`tab-${tab}`} className="min-h-0 grow overflow-y-auto">
        {tab === "raw" ? (
          <div className="relative">
            <span className="absolute top-1 right-3">
              <CopyButton text={raw} label="Copy the JSON" />
            </span>
            <pre className="overflow-x-auto p-3 font-mono text-[12px] leading-[18px]">{raw}</pre>
          </div>
        ) : (
          <>
            <div className="border-line border-b py-1.5">
              <Attributes
                label="Log attributes"
                attributes={record.attributes}
                dropped={record.dropped_attributes_count}
                onFilter={onFilter}
              />
            </div>
            {resource ? (
              <Folded title="Resource" count={resource.attributes.length}>
                <Attributes
                  label="Resource attributes"
                  attributes={resource.attributes}
                  dropped={resource.dropped_attributes_count}
                  prefix="resource."
                  onFilter={onFilter}
                />
              </Folded>
            ) : null}
            {scope ? (
              <Folded title="Scope" count={scope.attributes.length}>
                <Attributes
                  label="Scope"
                  attributes={[
                    { key: "name", type: "string", value: scope.name },
                    { key: "version", type: "string", value: scope.version },
                    ...scope.attributes,
                  ]}
                  dropped={scope.dropped_attributes_count}
                />
              </Folded>
            ) : null}
          </>
        )}
      </div>
    </aside>
  );
}

function Fact({ label, children }: { label: string; children: ReactNode }) {
  return (
    <>
      <dt className="text-faint">{label}</dt>
      <dd className="min-w-0">{children}</dd>
    </>
  );
}

function Folded({ title, count, children }: { title: string; count: number; children: ReactNode }) {
  return (
    <details className="group/section border-line border-b py-1">
      <summary className="flex h-6 cursor-pointer list-none items-center gap-1 px-2 text-muted hover:text-fg">
        <ChevronIcon className="size-3 group-open/section:rotate-90" />
        {title}
        <span className="text-[11px] text-faint">{count}</span>
      </summary>
      {children}
    </details>
  );
}
