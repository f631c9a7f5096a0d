import { type ReactNode, useEffect } from "react";
import type { Stats } from "@/api/client";
import { formatBytes, formatCount } from "@/lib/format";
import { Button, IconButton } from "@/ui/controls";
import { RefreshIcon } from "@/ui/icons";
import { holdLive, refresh, useLiveHeld, useLiveStreamed } from "./clock";
import { QueryBar, type QueryBarProps } from "./QueryBar";
import { TimePicker } from "./TimePicker";
import { useTime } from "./useTime";

type Props = {
  title: string;
  /** What the browser's tab says, if more than the title. */
  documentTitle?: string | undefined;
  query: QueryBarProps;
  /** Whether rows are on their way; said by the refresh button. */
  busy: boolean;
  /** What the last answer cost, for the footer. */
  stats: Stats | undefined;
  /** What is shown, for the footer: "120 traces". */
  summary?: string;
  /** A trace has its own times: no range to pick. */
  timeless?: boolean;
  children: ReactNode;
};

/** Top bar, content and footer: the same on every page. */
export function Page({
  title,
  documentTitle,
  query,
  busy,
  stats,
  summary,
  timeless,
  children,
}: Props) {
  const { live, setLive } = useTime();
  const held = useLiveHeld();
  const streamed = useLiveStreamed();

  useEffect(() => {
    document.title = `${documentTitle ?? title} · Signalbox`;
  }, [title, documentTitle]);

  useEffect(() => () => holdLive(false), []);

  return (
    <>
      <header className="flex min-h-11 shrink-0 items-center gap-3 border-line border-b px-3 py-2">
        <h1 className="w-[84px] shrink-0 truncate font-semibold text-[14px]">{title}</h1>
        <QueryBar {...query} />
        {timeless ? null : (
          <>
            <TimePicker />
            <div className="flex shrink-0 items-center gap-1">
              <IconButton
                label="Refresh"
                onClick={refresh}
                aria-busy={busy}
                className={busy ? "text-accent" : ""}
              >
                <RefreshIcon className={`size-4 ${busy ? "animate-spin" : ""}`} />
              </IconButton>
              <Button
                pressed={live}
                onClick={() => setLive(!live)}
                title={liveTitle(live, held, streamed)}
              >
                <span
                  aria-hidden="true"
                  className={`size-1.5 rounded-full ${live && !held ? "bg-accent" : "bg-line-strong"}`}
                />
                {live && held ? "Live, waiting" : "Live"}
              </Button>
            </div>
          </>
        )}
      </header>
      <main className="flex min-h-0 grow flex-col" aria-busy={busy}>
        {children}
      </main>
      <footer className="flex h-6 shrink-0 items-center gap-4 border-line border-t bg-rail px-3 text-[11px] text-faint">
        <span>{summary}</span>
        <span className="grow" />
        {stats ? (
          <span title="What the last answer cost the server">
            {formatCount(BigInt(stats.rows_read))} rows · {formatBytes(Number(stats.bytes_read))}{" "}
            read ·{" "}
            {stats.elapsed_ms < 10 ? stats.elapsed_ms.toFixed(1) : stats.elapsed_ms.toFixed(0)} ms
          </span>
        ) : null}
      </footer>
    </>
  );
}

function liveTitle(live: boolean, held: boolean, streamed: boolean): string {
  if (live && held) return "Live waits until you are back at the top of the list";
  if (live && streamed) return "Shows what is received at once (.)";
  return "Load new data every 3 seconds (.)";
}
