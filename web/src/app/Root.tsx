import { Outlet, useNavigate } from "@tanstack/react-router";
import { useEffect, useState } from "react";
import { copyText } from "@/ui/clipboard";
import { useLiveHeld, useLiveStreamed } from "./clock";
import { HelpOverlay } from "./HelpOverlay";
import { useKeys } from "./keys";
import { Rail } from "./Rail";
import { useLive } from "./useLive";
import { useTime, useTimeSearch } from "./useTime";

/** The frame of every page: the rail at the left, and what is the same everywhere. */
export function Root() {
  const navigate = useNavigate();
  const timeSearch = useTimeSearch();
  const { interval, live, setLive } = useTime();
  const held = useLiveHeld();
  const streamed = useLiveStreamed();
  const [help, setHelp] = useState(false);
  const [notice, setNotice] = useState("");

  useLive(live && !held, streamed);

  useEffect(() => {
    if (!notice) return;
    const timer = window.setTimeout(() => setNotice(""), 1600);
    return () => window.clearTimeout(timer);
  }, [notice]);

  useKeys({
    "g s": () => void navigate({ to: "/services", search: timeSearch }),
    "g t": () => void navigate({ to: "/traces", search: timeSearch }),
    "g l": () => void navigate({ to: "/logs", search: timeSearch }),
    "g m": () => void navigate({ to: "/metrics", search: timeSearch }),
    ".": () => setLive(!live),
    "?": () => setHelp(true),
    c: () => {
      // Whoever opens the link shall see the same times, not their own last 15 minutes.
      const url = new URL(window.location.href);
      url.searchParams.delete("range");
      url.searchParams.delete("live");
      url.searchParams.set("start", interval.start.toString());
      url.searchParams.set("end", interval.end.toString());
      void copyText(url.href).then((done) =>
        setNotice(done ? "Link copied" : "The browser does not allow copying"),
      );
    },
  });

  return (
    <div className="flex h-full">
      <Rail onHelp={() => setHelp(true)} />
      <div className="flex min-w-0 grow flex-col">
        <Outlet />
      </div>
      {help ? <HelpOverlay onClose={() => setHelp(false)} /> : null}
      <div
        role="status"
        aria-live="polite"
        className={`fixed right-4 bottom-10 z-50 rounded-md border border-line bg-raised px-3 py-1.5 shadow-pop ${notice ? "" : "hidden"}`}
      >
        {notice}
      </div>
    </div>
  );
}
