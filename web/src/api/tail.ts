import type { Schemas } from "./client";

export type TailedLog = Schemas["TailLogRecord"];

export type TailListener = {
  /** Records come from now on. */
  onOpen: () => void;
  onRecord: (record: TailedLog) => void;
  /** So many records came faster than this browser took them. */
  onMissed: (count: number) => void;
  /** No records come for now; it is tried again. */
  onClosed: () => void;
};

/** The browser connects again by itself after a break, but not after a refusal. */
const RETRY_MS = 10_000;

/** Tells of log records that match `q` as the server receives them, until the result is called. */
export function tailLogs(q: string, listener: TailListener): () => void {
  const query = new URLSearchParams({ signal: "logs", ...(q ? { q } : {}) });
  let source: EventSource | null = null;
  let retry = 0;

  function connect(): void {
    const connected = new EventSource(`/api/v1/tail?${query}`);
    source = connected;
    connected.onopen = listener.onOpen;
    connected.onerror = () => {
      listener.onClosed();
      if (connected.readyState === EventSource.CLOSED) {
        retry = window.setTimeout(connect, RETRY_MS);
      }
    };
    connected.addEventListener("record", ({ data }) => {
      listener.onRecord(JSON.parse(data) as TailedLog);
    });
    connected.addEventListener("missed", ({ data }) => {
      const missed = JSON.parse(data) as Schemas["TailMissed"];
      listener.onMissed(missed.count + missed.unchecked);
    });
  }

  connect();
  return () => {
    window.clearTimeout(retry);
    source?.close();
  };
}
