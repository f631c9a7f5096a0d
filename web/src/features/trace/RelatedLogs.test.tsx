import { cleanup, fireEvent, screen, waitFor, within } from "@testing-library/react";
import { afterEach, describe, expect, it } from "vitest";
import { parseSpanId, parseTraceId } from "@/lib/ids";
import { answer, logRecord, renderPage, span } from "@/testing/support";
import { buildTrace, traceTime } from "./model";
import { RelatedLogs } from "./RelatedLogs";
import { useTraceLines } from "./useTraceLines";

const TRACE = "4bf92f3577b34da6a3ce929d0e0e4736";
const SPAN = "00f067aa0ba902b7";
const OTHER = "00f067aa0ba902b8";
const MODEL = buildTrace([span({ span_id: SPAN }), span({ span_id: OTHER, parent_span_id: SPAN })]);

const EMPTY = {
  logs: [],
  resources: {},
  scopes: {},
  next_cursor: null,
  histogram: { step_ns: "1", buckets: [] },
  facets: [],
  stats: { rows_read: "0", bytes_read: "0", elapsed_ms: 0 },
};
const NO_LINES = { fatal: 0, error: 0, warn: 0, info: 0, debug: 0, trace: 0, unspecified: 0 };

function LogsOfSpan() {
  const traceId = parseTraceId(TRACE);
  if (!traceId) throw new Error("bad id");
  const spanId = parseSpanId(SPAN);
  return (
    <RelatedLogs
      logs={useTraceLines(traceId, spanId, traceTime(MODEL).end)}
      traceId={traceId}
      model={MODEL}
      spanId={spanId}
      onSelectSpan={() => {}}
    />
  );
}

function show(): void {
  renderPage(<LogsOfSpan />);
}

/** Answers as the server does for a trace of `total` lines, those of SPAN last; two a page. */
function answerInPages(total: number, ofSpan: number): void {
  const all = Array.from({ length: total }, (_, at) =>
    logRecord({
      id: String(at),
      span_id: at < total - ofSpan ? OTHER : SPAN,
      body: { type: "string", value: `line ${at}` },
    }),
  );
  answer(({ searchParams }) => {
    const spanId = searchParams.get("span_id");
    const matching = all.filter(({ span_id }) => spanId === null || span_id === spanId);
    const from = Number(searchParams.get("cursor") ?? 0);
    const counted = searchParams.getAll("include").includes("histogram");
    return {
      ...EMPTY,
      logs: matching.slice(from, from + 2),
      next_cursor: from + 2 < matching.length ? String(from + 2) : null,
      histogram: {
        step_ns: "1",
        buckets: counted ? [{ time: "0", ...NO_LINES, info: matching.length }] : [],
      },
    };
  });
}

function shownLines(): string[] {
  return within(screen.getByRole("list", { name: "Related log lines" }))
    .getAllByRole("listitem")
    .map((line) => /line \d+/.exec(line.textContent)?.[0] ?? "more");
}

function answerLogs(
  ofTrace: ReturnType<typeof logRecord>[],
  withoutIds: ReturnType<typeof logRecord>[],
): void {
  answer((url) => ({
    ...EMPTY,
    logs: url.searchParams.has("trace_id") ? ofTrace : withoutIds,
  }));
}

describe("RelatedLogs", () => {
  afterEach(cleanup);

  it("marks the span's lines among the trace's and links to them in Logs", async () => {
    answerLogs(
      [
        logRecord({ id: "1", span_id: OTHER, body: { type: "string", value: "of another span" } }),
        logRecord({ id: "2", span_id: SPAN, body: { type: "string", value: "of this span" } }),
      ],
      [],
    );
    show();
    const lines = await screen.findAllByRole("listitem");
    expect(lines.map((line) => line.getAttribute("aria-current"))).toEqual([null, "true"]);
    expect(lines[1]?.textContent).toContain("of this span");
    const link = screen.getByRole("link", { name: "Open in Logs" }).getAttribute("href") ?? "";
    const search = new URL(link, "http://localhost").searchParams;
    expect(search.get("q")).toBe(`trace_id = '${TRACE}'`);
    expect(BigInt(search.get("start") ?? 0)).toBeLessThan(BigInt(search.get("end") ?? 0));
  });

  it("says that none is of this span when all are of others", async () => {
    answerLogs([logRecord({ span_id: OTHER })], []);
    show();
    expect(await screen.findByText(/None of this span/)).toBeTruthy();
    expect(screen.getAllByRole("listitem")).toHaveLength(1);
  });

  it("finds and counts the span's lines beyond the first of a long trace", async () => {
    answerInPages(9, 3);
    show();
    expect(await screen.findByText("3")).toBeTruthy();
    expect(screen.getByText(/of this span, 9 in the trace/)).toBeTruthy();
    expect(shownLines()).toEqual(["line 0", "line 1", "more", "line 6", "line 7", "more"]);
    expect(screen.getByText(/7 later lines of the trace/)).toBeTruthy();
  });

  it("shows more of the span and of the trace on demand, until all are there", async () => {
    answerInPages(5, 3);
    show();
    fireEvent.click(await screen.findByRole("button", { name: "Show more of this span" }));
    await screen.findByText("line 4");
    expect(shownLines()).toEqual(["line 0", "line 1", "more", "line 2", "line 3", "line 4"]);

    fireEvent.click(screen.getByRole("button", { name: "Show more of the trace" }));
    await screen.findByText(/1 later lines? of the trace/);
    fireEvent.click(await screen.findByRole("button", { name: "Show more of the trace" }));
    await waitFor(() =>
      expect(shownLines()).toEqual(["line 0", "line 1", "line 2", "line 3", "line 4"]),
    );
    expect(screen.getByText("3")).toBeTruthy();
  });

  it("says that the trace has none", async () => {
    answerLogs([], []);
    show();
    expect(await screen.findByText("This trace has no log lines")).toBeTruthy();
  });

  it("says that logs arrive without trace ids", async () => {
    answerLogs([], [logRecord({ trace_id: null, span_id: null })]);
    show();
    expect(await screen.findByText("Logs arrive without trace ids")).toBeTruthy();
    expect(screen.getByRole("link", { name: "Open the logs of that time" })).toBeTruthy();
  });
});
