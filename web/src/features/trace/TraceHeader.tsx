import type { ReactNode } from "react";
import { serviceColor } from "@/lib/color";
import {
  formatDateTime,
  formatDuration,
  formatExactTime,
  formatPercent,
  plural,
} from "@/lib/format";
import type { TraceId } from "@/lib/ids";
import { CopyButton } from "@/ui/CopyButton";
import { Button, Segments, ServiceDot } from "@/ui/controls";
import { ErrorIcon, WarnIcon } from "@/ui/icons";
import { COLOR_CHOICES, type ColorBy } from "./coloring";
import type { TraceModel } from "./model";

type Props = {
  traceId: TraceId;
  model: TraceModel;
  truncated: boolean;
  /** Only what the skeleton tells of the spans is there. */
  large: boolean;
  colorBy: ColorBy;
  errorsOnly: boolean;
  zoomed: boolean;
  onColorBy: (by: ColorBy) => void;
  onErrorsOnly: (on: boolean) => void;
  onResetZoom: () => void;
};

/** What the trace is, in two lines. */
export function TraceHeader({
  traceId,
  model,
  truncated,
  large,
  colorBy,
  errorsOnly,
  zoomed,
  onColorBy,
  onErrorsOnly,
  onResetZoom,
}: Props) {
  const root = model.roots[0];
  if (!root) return null;
  const { span } = root;

  return (
    <section aria-label="Trace summary" className="shrink-0 border-line border-b px-3 py-2">
      <div className="flex min-w-0 flex-wrap items-center gap-2">
        <ServiceDot color={serviceColor(span.service_name)} />
        <h2 className="min-w-48 grow basis-0 truncate font-semibold text-[15px]">
          {span.service_name} <span className="text-faint">·</span> {span.name}
        </h2>
        {zoomed ? <Button onClick={onResetZoom}>Reset zoom</Button> : null}
        <Button
          pressed={errorsOnly}
          disabled={model.errors === 0 && !errorsOnly}
          onClick={() => onErrorsOnly(!errorsOnly)}
          title="Show only the ways to errors (e)"
        >
          Errors only
        </Button>
        <span className="inline-flex shrink-0 items-center gap-2">
          <span className="text-faint">Colour by</span>
          <Segments
            label="Colour by"
            value={colorBy}
            options={COLOR_CHOICES}
            onChange={onColorBy}
          />
        </span>
      </div>
      <div className="mt-1.5 flex flex-wrap items-center gap-x-5 gap-y-0.5">
        <Fact label="Trace">
          <span className="font-mono text-[12px]">{traceId}</span>
          <CopyButton text={traceId} label="Copy the trace id" />
        </Fact>
        <Fact label="Start" title={formatExactTime(model.start)}>
          {formatDateTime(model.start)}
        </Fact>
        <Fact label="Duration">{formatDuration(model.duration)}</Fact>
        <Fact label="Spans">{model.nodes.length}</Fact>
        <Fact label="Errors">
          {model.errors > 0 ? (
            <span className="inline-flex items-center gap-1 text-error">
              <ErrorIcon className="size-3.5" />
              {model.errors}
            </span>
          ) : (
            "0"
          )}
        </Fact>
        <ul aria-label="Services of the trace" className="flex flex-wrap gap-x-4 gap-y-1">
          {model.services.map(({ name, spans, criticalShare }) => (
            <li
              key={name}
              className="flex items-center gap-1.5"
              title={`${name}: ${plural(spans, "span")}, ${formatPercent(criticalShare)} of the critical path`}
            >
              <ServiceDot color={serviceColor(name)} />
              <span>{name}</span>
              <span className="text-faint">
                {formatPercent(Math.round(criticalShare * 100) / 100)}
              </span>
            </li>
          ))}
          <li className="text-faint">of the critical path</li>
        </ul>
      </div>
      <Warnings model={model} truncated={truncated} large={large} />
    </section>
  );
}

function Fact({ label, title, children }: { label: string; title?: string; children: ReactNode }) {
  return (
    <span className="inline-flex items-center whitespace-nowrap" title={title}>
      <span className="mr-1.5 text-faint">{label}</span>
      {children}
    </span>
  );
}

function Warnings({
  model,
  truncated,
  large,
}: {
  model: TraceModel;
  truncated: boolean;
  large: boolean;
}) {
  const warnings = [
    ...(model.missingParents > 0
      ? [
          `${model.missingParents === 1 ? "One span names a parent" : `${model.missingParents} spans name parents`} that has not arrived: shown at the top level.`,
        ]
      : []),
    ...(model.skewed > 0
      ? [
          `${model.skewed === 1 ? "One span starts" : `${model.skewed} spans start`} before the parent: the clocks of the machines differ.`,
        ]
      : []),
    ...(truncated ? ["The trace has more spans than are shown."] : []),
    ...(large
      ? [
          "The trace is large: attributes and events of a span are loaded when it is opened; the search looks at names, services and ids.",
        ]
      : []),
  ];
  if (warnings.length === 0) return null;
  return (
    <ul className="mt-1.5 flex flex-col gap-0.5 text-warn">
      {warnings.map((warning) => (
        <li key={warning} className="flex items-center gap-1.5">
          <WarnIcon className="size-3.5 shrink-0" />
          {warning}
        </li>
      ))}
    </ul>
  );
}
