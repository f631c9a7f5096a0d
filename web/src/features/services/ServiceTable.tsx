import { Link } from "@tanstack/react-router";
import type { TimeSearch } from "@/app/useTime";
import { serviceColor } from "@/lib/color";
import { addTerm, condition } from "@/lib/filter";
import {
  formatAge,
  formatCount,
  formatDuration,
  formatExactTime,
  formatPercent,
  formatRate,
  plural,
} from "@/lib/format";
import { type Nanos, nanos } from "@/lib/nanos";
import { ServiceDot } from "@/ui/controls";
import { DownIcon } from "@/ui/icons";
import { Sparkline } from "@/ui/Sparkline";
import { type Column, nextSort, type Service, type Sort } from "./sort";

type Props = {
  services: readonly Service[];
  sort: Sort | null;
  selected: number;
  now: Nanos;
  /** Requests that take this long at most satisfy. */
  apdexNs: number;
  dimmed: boolean;
  timeSearch: TimeSearch;
  onSort: (sort: Sort) => void;
};

/** Services in the order given, with sparklines that share one scale per column. */
export function ServiceTable({
  services,
  sort,
  selected,
  now,
  apdexNs,
  dimmed,
  timeSearch,
  onSort,
}: Props) {
  const p99Max = largest(services.flatMap(({ sparklines }) => sparklines.p99_ns));
  const errorMax = largest(services.flatMap(({ sparklines }) => sparklines.errors));
  const rateMax = largest(services.flatMap(({ sparklines }) => sparklines.requests));
  const header = { sort, onSort };

  return (
    <table
      aria-label="Services"
      className={`w-full border-collapse transition-opacity duration-100 ${dimmed ? "opacity-55 delay-150" : ""}`}
    >
      <thead className="sticky top-0 z-10 bg-bg">
        <tr className="h-8 text-left whitespace-nowrap text-[12px] text-muted [&>th]:border-line [&>th]:border-b [&>th]:px-3 [&>th]:font-medium">
          <HeaderCell column="name" label="Service" {...header} />
          <HeaderCell column="p50" label="p50" numeric {...header} />
          <HeaderCell column="p99" label="p99" numeric {...header} />
          <th aria-label="p99 over time" className="w-[120px]" />
          <HeaderCell column="apdex" label="Apdex" numeric {...header} />
          <HeaderCell column="errors" label="Error rate" numeric {...header} />
          <th aria-label="Errors over time" className="w-[120px]" />
          <HeaderCell column="rate" label="Requests/s" numeric {...header} />
          <th aria-label="Requests over time" className="w-[120px]" />
          <th className="text-right max-xl:hidden">Also sends</th>
          <th className="text-right">Last seen</th>
        </tr>
      </thead>
      <tbody>
        {services.map((service, index) => (
          <ServiceRow
            key={service.name}
            service={service}
            selected={index === selected}
            now={now}
            apdexNs={apdexNs}
            timeSearch={timeSearch}
            scales={{ p99Max, errorMax, rateMax }}
          />
        ))}
      </tbody>
    </table>
  );
}

function HeaderCell({
  column,
  label,
  numeric = false,
  sort,
  onSort,
}: {
  column: Column;
  label: string;
  numeric?: boolean;
  sort: Sort | null;
  onSort: (sort: Sort) => void;
}) {
  const active = sort?.column === column;
  return (
    <th
      aria-sort={active ? (sort.descending ? "descending" : "ascending") : "none"}
      className={numeric ? "text-right" : ""}
    >
      <button
        type="button"
        onClick={() => onSort(nextSort(sort, column))}
        className={`inline-flex items-center gap-0.5 hover:text-fg ${active ? "text-fg" : ""} ${numeric ? "flex-row-reverse" : ""}`}
      >
        {label}
        <DownIcon
          className={`size-3 ${active ? "" : "invisible"} ${sort?.descending ? "" : "rotate-180"}`}
        />
      </button>
    </th>
  );
}

function ServiceRow({
  service,
  selected,
  now,
  apdexNs,
  timeSearch,
  scales,
}: {
  service: Service;
  selected: boolean;
  now: Nanos;
  apdexNs: number;
  timeSearch: TimeSearch;
  scales: { p99Max: number; errorMax: number; rateMax: number };
}) {
  const { name, sparklines } = service;
  const ofService = condition("service.name", "=", name);
  // The spans that the numbers count; a service has many more.
  const ofRequests = addTerm(ofService, condition("is_entry_point", "=", true));
  const requests = service.span_count > 0;
  const lastSeen = nanos(service.last_seen);
  const none = <span className="text-faint">–</span>;

  return (
    <tr
      aria-selected={selected}
      className={`relative h-9 ${selected ? "bg-selected" : "hover:bg-hover"} [&>td]:whitespace-nowrap [&>td]:border-line [&>td]:border-b [&>td]:px-3`}
    >
      <td className="max-w-72">
        <Link
          to="/traces"
          search={{ ...timeSearch, q: ofService }}
          title={`Traces of ${name}`}
          className="flex items-center gap-2 font-medium before:absolute before:inset-0"
        >
          <ServiceDot color={serviceColor(name)} />
          <span className="truncate">{name}</span>
        </Link>
      </td>
      <td className="text-right text-muted">
        {service.p50_ns === null ? none : formatDuration(service.p50_ns)}
      </td>
      <td className="text-right">
        {service.p99_ns === null ? (
          none
        ) : (
          <Link
            to="/traces"
            search={{ ...timeSearch, q: ofRequests, order: "slowest" }}
            title={`Slowest requests of ${name}`}
            className="relative hover:text-accent hover:underline"
          >
            {formatDuration(service.p99_ns)}
          </Link>
        )}
      </td>
      <td>
        {requests ? (
          <Sparkline
            values={sparklines.p99_ns}
            max={scales.p99Max}
            label={`p99 of ${name}, at most ${formatDuration(largest(sparklines.p99_ns))}`}
          />
        ) : null}
      </td>
      <td className="text-right" title={`Requests of at most ${formatDuration(apdexNs)} satisfy`}>
        {service.apdex === null ? none : service.apdex.toFixed(2)}
      </td>
      <td className="text-right">
        {!requests ? (
          none
        ) : service.error_count > 0 ? (
          <Link
            to="/traces"
            search={{ ...timeSearch, q: addTerm(ofRequests, condition("status", "=", "error")) }}
            title={`${service.error_count} of ${service.span_count} requests failed`}
            className="relative text-error hover:underline"
          >
            {formatPercent(service.error_rate)}
          </Link>
        ) : (
          <span className="text-muted">0%</span>
        )}
      </td>
      <td>
        {requests ? (
          <Sparkline
            values={sparklines.errors}
            max={scales.errorMax}
            tone="error"
            label={`Errors of ${name}, ${formatCount(service.error_count)} in total`}
          />
        ) : null}
      </td>
      <td className="text-right">
        {requests ? (
          <Link
            to="/traces"
            search={{ ...timeSearch, q: ofRequests }}
            title={`${service.span_count} requests`}
            className="relative hover:text-accent hover:underline"
          >
            {formatRate(service.requests_per_second)}
          </Link>
        ) : (
          none
        )}
      </td>
      <td>
        {requests ? (
          <Sparkline
            values={sparklines.requests}
            max={scales.rateMax}
            label={`Requests of ${name}, ${formatCount(service.span_count)} in total`}
          />
        ) : null}
      </td>
      <td className="text-right text-muted max-xl:hidden">
        {service.log_count > 0 ? (
          <Link
            to="/logs"
            search={{ ...timeSearch, q: ofService }}
            className="relative hover:text-accent hover:underline"
          >
            {plural(service.log_count, "log")}
          </Link>
        ) : null}
        {service.log_count > 0 && service.metric_count > 0 ? " · " : null}
        {service.metric_count > 0 ? (
          <Link
            to="/metrics"
            search={{ ...timeSearch, q: ofService }}
            className="relative hover:text-accent hover:underline"
          >
            {plural(service.metric_count, "metric")}
          </Link>
        ) : null}
        {service.log_count === 0 && service.metric_count === 0 ? none : null}
      </td>
      <td className="text-right text-muted" title={formatExactTime(lastSeen)}>
        {formatAge(lastSeen, now)}
      </td>
    </tr>
  );
}

function largest(values: readonly (number | null)[]): number {
  return values.reduce<number>((max, value) => Math.max(max, value ?? 0), 0);
}
