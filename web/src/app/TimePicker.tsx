import * as Popover from "@radix-ui/react-popover";
import { useState } from "react";
import { formatClock, formatDate, formatDateTime, formatExactTime } from "@/lib/format";
import type { Nanos } from "@/lib/nanos";
import { describe, type Interval, PRESETS, parseLocalInput } from "@/lib/timeRange";
import { BUTTON_CLASS, Button } from "@/ui/controls";
import { ClockIcon, DownIcon } from "@/ui/icons";
import { useKeys } from "./keys";
import { useTime } from "./useTime";

/** The time range of the page: presets, or two times. */
export function TimePicker() {
  const { range, interval, setRelative, setInterval } = useTime();
  const [open, setOpen] = useState(false);

  useKeys({ t: () => setOpen(true) });

  return (
    <Popover.Root open={open} onOpenChange={setOpen}>
      <Popover.Trigger
        className={BUTTON_CLASS}
        aria-label={`Time range: ${describe(range, formatDateTime)}`}
        title={`${formatExactTime(interval.start)}\n${formatExactTime(interval.end)}`}
      >
        <ClockIcon className="size-3.5 text-faint" />
        {describeShort(range.kind === "absolute" ? interval : null) ??
          describe(range, formatDateTime)}
        <DownIcon className="size-3.5 text-faint" />
      </Popover.Trigger>
      <Popover.Portal>
        <Popover.Content
          align="end"
          sideOffset={4}
          aria-label="Time range"
          className="z-40 flex rounded-lg border border-line bg-raised shadow-pop"
        >
          <div className="flex w-40 flex-col border-line border-r p-1.5">
            {PRESETS.map(({ text, label }) => {
              const chosen = range.kind === "relative" && range.text === text;
              return (
                <button
                  key={text}
                  type="button"
                  aria-pressed={chosen}
                  onClick={() => {
                    setRelative(text);
                    setOpen(false);
                  }}
                  className={`h-7 rounded-sm px-2 text-left ${chosen ? "bg-accent-soft text-accent" : "hover:bg-hover"}`}
                >
                  {label}
                </button>
              );
            })}
          </div>
          <AbsoluteForm
            interval={interval}
            onApply={(next) => {
              setInterval(next);
              setOpen(false);
            }}
          />
        </Popover.Content>
      </Popover.Portal>
    </Popover.Root>
  );
}

/** "Nov 22, 14:03:20 – 14:05:00": the day only once. */
function describeShort(interval: Interval | null): string | null {
  if (!interval) return null;
  const { start, end } = interval;
  const digits = end - start < 5_000_000_000n ? 3 : 0;
  const last =
    formatDate(start) === formatDate(end) ? formatClock(end, digits) : formatDateTime(end, digits);
  return `${formatDateTime(start, digits)} – ${last}`;
}

function localInput(time: Nanos): string {
  return `${formatDate(time)}T${formatClock(time, 3)}`;
}

function AbsoluteForm({
  interval,
  onApply,
}: {
  interval: Interval;
  onApply: (interval: Interval) => void;
}) {
  const [start, setStart] = useState(localInput(interval.start));
  const [end, setEnd] = useState(localInput(interval.end));

  const startNs = parseLocalInput(start);
  const endNs = parseLocalInput(end);
  const problem =
    startNs === null || endNs === null
      ? "Give both times."
      : startNs >= endNs
        ? "The start must come before the end."
        : null;

  return (
    <form
      className="flex w-72 flex-col gap-2 p-3"
      onSubmit={(event) => {
        event.preventDefault();
        if (startNs !== null && endNs !== null && problem === null) {
          onApply({
            // An untouched field keeps the nanoseconds that the input cannot show.
            start: start === localInput(interval.start) ? interval.start : startNs,
            end: end === localInput(interval.end) ? interval.end : endNs,
          });
        }
      }}
    >
      <TimeField label="From" value={start} onChange={setStart} />
      <TimeField label="To" value={end} onChange={setEnd} />
      <div className="text-[11px] text-faint">
        Times are local: {Intl.DateTimeFormat().resolvedOptions().timeZone}
      </div>
      {problem ? <div className="text-error">{problem}</div> : null}
      <Button type="submit" disabled={problem !== null} className="justify-center">
        Apply
      </Button>
    </form>
  );
}

function TimeField({
  label,
  value,
  onChange,
}: {
  label: string;
  value: string;
  onChange: (value: string) => void;
}) {
  return (
    <label className="flex flex-col gap-0.5 text-muted">
      {label}
      <input
        type="datetime-local"
        step="0.001"
        value={value}
        onChange={(event) => onChange(event.target.value)}
        className="h-7 rounded-md border border-line-strong bg-sunken px-2 text-fg"
      />
    </label>
  );
}
