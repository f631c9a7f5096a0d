import type { Attribute, Schemas } from "@/api/client";
import { serviceColor } from "@/lib/color";
import { formatClock, formatExactTime } from "@/lib/format";
import { nanos } from "@/lib/nanos";
import { SEVERITY_COLOR, SEVERITY_TEXT_CLASS, severityLabel } from "@/lib/severity";
import { Attributes } from "@/ui/Attributes";
import { ServiceDot } from "@/ui/controls";

export type LogRecord = Schemas["LogRecord"];

type Props = {
  record: LogRecord;
  selected: boolean;
  expanded: boolean;
  /** Whether the range spans days, so that the clock alone would mislead. */
  withDate: boolean;
  onOpen: () => void;
  onFilter: (term: string) => void;
};

/** One line: severity as a coloured edge, time, service, body, then attributes. */
export function LogLine({ record, selected, expanded, withDate, onOpen, onFilter }: Props) {
  const time = nanos(record.time);
  return (
    <div className={selected ? "bg-selected" : "hover:bg-hover"}>
      <button
        type="button"
        onClick={onOpen}
        aria-label={`${record.severity} ${record.service_name} ${record.body.value}`}
        aria-expanded={expanded}
        className={`flex w-full items-start gap-2 pr-3 text-left font-mono text-[12px] leading-[22px] ${expanded ? "" : "h-[22px] overflow-hidden"}`}
      >
        <span
          aria-hidden="true"
          className="w-[3px] shrink-0 self-stretch"
          style={{ background: SEVERITY_COLOR[record.severity] }}
        />
        <span className="shrink-0 text-faint" title={formatExactTime(time)}>
          {withDate ? `${formatDay(record)} ` : ""}
          {formatClock(time)}
        </span>
        <span className={`w-[42px] shrink-0 ${SEVERITY_TEXT_CLASS[record.severity]}`}>
          {severityLabel(record.severity, record.severity_text)}
        </span>
        <span className="flex w-[128px] shrink-0 items-center gap-1.5 text-muted">
          <ServiceDot color={serviceColor(record.service_name)} />
          <span className="truncate">{record.service_name}</span>
        </span>
        <span
          className={`min-w-0 ${expanded ? "whitespace-pre-wrap break-words" : "shrink-0 truncate"}`}
          style={expanded ? undefined : { maxWidth: "70%" }}
        >
          {record.body.value || (
            <span className="text-faint">{record.event_name || "(empty)"}</span>
          )}
        </span>
        {expanded ? null : (
          <span className="min-w-0 grow truncate text-faint">{summarise(record.attributes)}</span>
        )}
      </button>
      {expanded ? (
        <div className="border-line border-b bg-sunken py-1.5 pl-3">
          <Attributes
            label="Log attributes"
            attributes={record.attributes}
            dropped={record.dropped_attributes_count}
            onFilter={onFilter}
          />
        </div>
      ) : null}
    </div>
  );
}

function formatDay(record: LogRecord): string {
  const date = new Date(Number(nanos(record.time) / 1_000_000n));
  return date.toLocaleDateString(undefined, { month: "short", day: "2-digit" });
}

/** Where in the code a line comes from says less than what it is about. */
const SOURCE = /^(code|thread|process)\./;

function summarise(attributes: readonly Attribute[]): string {
  return attributes
    .filter(({ key }) => !SOURCE.test(key))
    .slice(0, 8)
    .map(({ key, value }) => `${key}=${value.length > 80 ? `${value.slice(0, 80)}…` : value}`)
    .join("  ");
}
