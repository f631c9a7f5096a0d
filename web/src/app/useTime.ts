import { useNavigate, useSearch } from "@tanstack/react-router";
import { useMemo } from "react";
import {
  absoluteSearch,
  type Interval,
  parseTimeRange,
  resolve,
  type TimeRange,
} from "@/lib/timeRange";
import { refresh, useAnchor } from "./clock";

export type Time = {
  readonly range: TimeRange;
  readonly interval: Interval;
  readonly live: boolean;
  setInterval: (interval: Interval) => void;
  setRelative: (text: string) => void;
  setLive: (live: boolean) => void;
};

/** The time range of the URL, resolved against the shared "now". */
export function useTime(): Time {
  const { range: text, start, end, live } = useSearch({ from: "__root__" });
  const anchor = useAnchor();
  const navigate = useNavigate();

  const range = useMemo(
    () =>
      parseTimeRange({
        ...(text ? { range: text } : {}),
        ...(start ? { start } : {}),
        ...(end ? { end } : {}),
      }),
    [text, start, end],
  );
  const interval = useMemo(() => resolve(range, anchor), [range, anchor]);

  return {
    range,
    interval,
    live: live === "1" && range.kind === "relative",
    setInterval: (next) =>
      navigate({
        to: ".",
        search: (old) => ({ ...old, ...absoluteSearch(next), live: "" }),
      }),
    setRelative: (next) => {
      refresh();
      navigate({ to: ".", search: (old) => ({ ...old, range: next, start: "", end: "" }) });
    },
    setLive: (on) => {
      if (on) refresh();
      navigate({
        to: ".",
        search: (old) =>
          on && range.kind === "absolute"
            ? { ...old, live: "1", range: "15m", start: "", end: "" }
            : { ...old, live: on ? "1" : "" },
        replace: true,
      });
    },
  };
}

/** The parameters that a link to another page carries on: the time range and live mode. */
export type TimeSearch = { range?: string; start?: string; end?: string; live?: string };

export function useTimeSearch(): TimeSearch {
  const { range, start, end, live } = useSearch({ from: "__root__" });
  return {
    ...(range ? { range } : {}),
    ...(start ? { start } : {}),
    ...(end ? { end } : {}),
    ...(live ? { live } : {}),
  };
}
