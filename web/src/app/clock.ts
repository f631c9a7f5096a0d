import { useSyncExternalStore } from "react";
import { type Nanos, NS_PER_MS } from "@/lib/nanos";

/**
 * The "now" that relative time ranges count back from. It stands still between refreshes, so that
 * all parts of a view, and the pages one walks through, speak of the same interval.
 */
let anchor = systemNow();
let held = false;
let streamed = false;
const listeners = new Set<() => void>();

function systemNow(): Nanos {
  return BigInt(Date.now()) * NS_PER_MS;
}

function notify(): void {
  for (const listener of listeners) listener();
}

function subscribe(listener: () => void): () => void {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

/** Moves "now" to the present; views of relative ranges load again. */
export function refresh(): void {
  anchor = systemNow();
  notify();
}

/** While held, live updates wait: someone is reading further down. */
export function holdLive(hold: boolean): void {
  if (hold === held) return;
  held = hold;
  notify();
}

/** While streamed, the page shows what the server receives at once; loading again only completes it. */
export function streamLive(stream: boolean): void {
  if (stream === streamed) return;
  streamed = stream;
  notify();
}

export function useAnchor(): Nanos {
  return useSyncExternalStore(subscribe, () => anchor);
}

export function useLiveHeld(): boolean {
  return useSyncExternalStore(subscribe, () => held);
}

export function useLiveStreamed(): boolean {
  return useSyncExternalStore(subscribe, () => streamed);
}
