import { useState } from "react";
import { formatCount } from "@/lib/format";
import { type Metric, typeLabel } from "./series";

type Props = {
  metrics: readonly Metric[];
  chosen: Metric | null;
  onChoose: (metric: Metric) => void;
};

/** All metrics of the time range, to choose one. */
export function MetricList({ metrics, chosen, onChoose }: Props) {
  const [text, setText] = useState("");
  const wanted = text.trim().toLowerCase();
  const shown = metrics.filter(
    ({ name, description }) =>
      name.toLowerCase().includes(wanted) || description.toLowerCase().includes(wanted),
  );
  return (
    <aside aria-label="Metrics" className="flex w-[300px] shrink-0 flex-col border-line border-r">
      <div className="shrink-0 border-line border-b p-2">
        <input
          type="text"
          aria-label="Find a metric"
          placeholder="Find a metric"
          value={text}
          onChange={(event) => setText(event.target.value)}
          className="h-7 w-full rounded-md border border-line-strong bg-sunken px-2 placeholder:text-faint"
        />
      </div>
      <ul aria-label="Metric names" className="min-h-0 grow overflow-y-auto py-1">
        {shown.map((metric) => {
          const active = metric.name === chosen?.name && metric.type === chosen.type;
          return (
            <li key={`${metric.name} ${metric.type} ${metric.unit}`}>
              <button
                type="button"
                aria-current={active}
                onClick={() => onChoose(metric)}
                title={`${metric.name}\n${metric.description}\n${metric.services.join(", ")}`}
                className={`flex w-full flex-col px-3 py-1 text-left ${active ? "bg-selected" : "hover:bg-hover"}`}
              >
                <span className="w-full truncate">{metric.name}</span>
                <span className="flex w-full gap-2 text-[11px] text-faint leading-4">
                  <span>{typeLabel(metric)}</span>
                  {metric.unit ? <span>{metric.unit}</span> : null}
                  <span className="grow" />
                  <span>{formatCount(metric.series_count)} series</span>
                </span>
              </button>
            </li>
          );
        })}
        {shown.length === 0 ? (
          <li className="px-3 py-4 text-center text-muted">No metric is named so.</li>
        ) : null}
      </ul>
    </aside>
  );
}
