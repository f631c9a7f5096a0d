import { useEffect, useMemo, useRef } from "react";
import { streamLive, useLiveHeld } from "@/app/clock";
import { useTime } from "@/app/useTime";
import { nanos } from "@/lib/nanos";
import { type LogRow, type Received, withReceived } from "./received";
import { type Tail, useTail } from "./useTail";

export type LiveRows = {
  readonly rows: readonly LogRow[];
  /** Whether what is received is shown at once. */
  readonly open: boolean;
  /** Records that came since one began to read further down. */
  readonly waiting: number;
  /** Records that came too fast to be told of at once. */
  readonly missed: number;
};

/** Longer than it takes until a record that was received is found in the tables. */
const SETTLED_MS = 4000;

type Search = {
  q: string;
  newestFirst: boolean;
  /** Whether `q` was refused. */
  refused: boolean;
  /** Up to when the rows found were searched for, in milliseconds since the Unix epoch. */
  searchedMs: number;
};

/**
 * The rows that a search found, and in live mode those that were received since, as they come in; those only until a
 * later search must have found them.
 */
export function useLiveRows(
  found: readonly LogRow[],
  { q, newestFirst, refused, searchedMs }: Search,
): LiveRows {
  const { interval, range, live } = useTime();
  const held = useLiveHeld();
  const tail = useTail(q, live && newestFirst && !refused);
  const seen = useSeen(tail, held);

  useEffect(() => {
    streamLive(tail.open);
    return () => streamLive(false);
  }, [tail.open]);

  const merges = newestFirst && range.kind === "relative";
  const { start } = interval;
  const rows = useMemo(() => {
    if (!merges) return found;
    const isUnsettled = ({ row, atMs }: Received) =>
      atMs > searchedMs - SETTLED_MS && nanos(row.time) >= start;
    return withReceived(found, seen.received.filter(isUnsettled));
  }, [merges, found, seen.received, searchedMs, start]);

  return {
    rows,
    open: tail.open,
    waiting: tail.count - seen.count,
    missed: tail.missed,
  };
}

/** The tail as it was when one began to read further down. */
function useSeen(tail: Tail, held: boolean): Tail {
  const seen = useRef(tail);
  useEffect(() => {
    if (!held) seen.current = tail;
  }, [tail, held]);
  return held && seen.current.q === tail.q ? seen.current : tail;
}
