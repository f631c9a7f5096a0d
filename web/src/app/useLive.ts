import { useQueryClient } from "@tanstack/react-query";
import { useEffect } from "react";
import { refresh } from "./clock";

const LIVE_MS = 3000;

/**
 * While `live`, moves "now" every three seconds, but only when all that was asked for is answered:
 * moving on would abort it, and a slow server would never get to an answer.
 */
export function useLive(live: boolean): void {
  const client = useQueryClient();
  useEffect(() => {
    if (!live) return;
    const timer = window.setInterval(() => {
      if (!document.hidden && client.isFetching() === 0) refresh();
    }, LIVE_MS);
    return () => window.clearInterval(timer);
  }, [live, client]);
}
