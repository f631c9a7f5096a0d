import { useEffect, useState } from "react";
import { tailLogs } from "@/api/tail";
import { useVisible } from "@/ui/useVisible";
import { type Received, rowOf } from "./received";

export type Tail = {
  /** The filter that all of this is about. */
  readonly q: string;
  /** Whether records come as the server receives them. */
  readonly open: boolean;
  /** The last ones, the newest first. */
  readonly received: readonly Received[];
  /** How many there were, and how many came faster than they could be taken. */
  readonly count: number;
  readonly missed: number;
};

const MOST_RECEIVED = 1000;

/** Log records that match `q` as the server receives them, while `enabled` and the page can be seen. */
export function useTail(q: string, enabled: boolean): Tail {
  const [tail, setTail] = useState<Tail>(() => nothing(q));
  const visible = useVisible();

  useEffect(() => {
    if (!enabled || !visible) return;
    let came: Received[] = [];
    let missed = 0;
    let open = false;
    let frame = 0;

    function show(): void {
      frame = 0;
      const more = { came: came.reverse(), missed, open };
      came = [];
      missed = 0;
      setTail((old) => longer(old.q === q ? old : nothing(q), more));
    }
    // What comes in a burst is shown at once, not one after the other.
    function showSoon(): void {
      frame ||= requestAnimationFrame(show);
    }
    function setOpen(next: boolean): void {
      open = next;
      showSoon();
    }

    const close = tailLogs(q, {
      onOpen: () => setOpen(true),
      onClosed: () => setOpen(false),
      onMissed: (count) => {
        missed += count;
        showSoon();
      },
      onRecord: (record) => {
        came.push({ row: rowOf(record), atMs: Date.now() });
        showSoon();
      },
    });
    return () => {
      close();
      cancelAnimationFrame(frame);
      open = false;
      show();
    };
  }, [q, enabled, visible]);

  return tail.q === q ? tail : nothing(q);
}

function nothing(q: string): Tail {
  return { q, open: false, received: [], count: 0, missed: 0 };
}

type More = { came: readonly Received[]; missed: number; open: boolean };

function longer(tail: Tail, { came, missed, open }: More): Tail {
  return {
    ...tail,
    open,
    received: [...came, ...tail.received].slice(0, MOST_RECEIVED),
    count: tail.count + came.length,
    missed: tail.missed + missed,
  };
}
