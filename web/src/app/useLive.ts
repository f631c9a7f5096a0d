import { useQueryClient } from "@tanstack/react-query";
import { useEffect } from "react";
import { refresh } from "./clock";

const LIVE_MS = 3000;
const STREAMED_MS = 10_000;

/**
 * While `live`, moves "now" every three seconds, or ten if new rows are `streamed` anyway: at first after three, for
 * what was received just before. Only when all that was asked for is answered: moving on would abort it, and a slow
 * server would never get to an answer.
 */
export function useLive(live: boolean, streamed: boolean): void {
  const client = useQueryClient();
  useEffect(() => {
    if (!live) return;
    let timer = window.setTimeout(moveOn, LIVE_MS);
    function moveOn(): void {
      if (!document.hidden && client.isFetching() === 0) refresh();
      timer = window.setTimeout(moveOn, streamed ? STREAMED_MS : LIVE_MS);
    }
    return () => window.clearTimeout(timer);
  }, [live, streamed, client]);
}
