import { Link } from "@tanstack/react-router";
import type { TimeSearch } from "@/app/useTime";
import { formatMetricValue } from "@/lib/format";
import { ServiceDot } from "@/ui/controls";
import type { DrawnLine } from "./Chart";
import { traceFilter } from "./series";

type Props = {
  lines: readonly DrawnLine[];
  /** The services that send the metric. */
  services: readonly string[];
  timeSearch: TimeSearch;
  /** The key of the only line shown; empty shows all. */
  isolated: string;
  dimmed: boolean;
  onIsolate: (key: string) => void;
};

/** The legend as a table; a click on a row shows this line alone, another one all again. */
export function Legend({ lines, services, timeSearch, isolated, dimmed, onIsolate }: Props) {
  return (
    <table
      aria-label="Legend"
      className={`w-full border-collapse transition-opacity duration-100 ${dimmed ? "opacity-55 delay-150" : ""}`}
    >
      <thead className="sticky top-0 bg-bg">
        <tr className="h-7 text-[12px] text-muted [&>th]:border-line [&>th]:border-b [&>th]:px-3 [&>th]:font-medium">
          <th className="text-left">Series</th>
          <th className="w-28 text-right">Last</th>
          <th className="w-28 text-right">Min</th>
          <th className="w-28 text-right">Avg</th>
          <th className="w-28 text-right">Max</th>
          <th aria-label="Traces" className="w-20" />
        </tr>
      </thead>
      <tbody>
        {lines.map((line) => (
          <tr
            key={line.key}
            className={`relative h-7 hover:bg-hover [&>td]:border-line [&>td]:border-b [&>td]:px-3 ${line.shown ? "" : "opacity-45"}`}
          >
            <td>
              <button
                type="button"
                aria-pressed={isolated === line.key}
                title={isolated === line.key ? "Show all series" : "Show this series alone"}
                onClick={() => onIsolate(isolated === line.key ? "" : line.key)}
                className="flex max-w-full items-center gap-2 before:absolute before:inset-0"
              >
                <ServiceDot color={line.color} />
                <span className="truncate">{line.name}</span>
              </button>
            </td>
            <Value value={line.last} unit={line.unit} />
            <Value value={line.min} unit={line.unit} />
            <Value value={line.avg} unit={line.unit} />
            <Value value={line.max} unit={line.unit} />
            <td className="text-right">
              <Link
                to="/traces"
                search={{
                  ...timeSearch,
                  q: traceFilter(line, services),
                  ...(/^p\d+$/.test(line.aggregation) ? { order: "slowest" } : {}),
                }}
                aria-label={`Traces of ${line.name}`}
                className="relative text-muted hover:text-accent hover:underline"
              >
                Traces
              </Link>
            </td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}

function Value({ value, unit }: { value: number | null; unit: string }) {
  return (
    <td className="text-right" title={value === null ? "no value" : `${value} ${unit}`}>
      {value === null ? <span className="text-faint">–</span> : formatMetricValue(value, unit)}
    </td>
  );
}
