import { cleanup, screen } from "@testing-library/react";
import { afterEach, describe, expect, it } from "vitest";
import { parseSpanId, parseTraceId } from "@/lib/ids";
import { answer, logRecord, renderPage, span } from "@/testing/support";
import { buildTrace } from "./model";
import { RelatedLogs } from "./RelatedLogs";

const TRACE = "4bf92f3577b34da6a3ce929d0e0e4736";
const SPAN = "00f067aa0ba902b7";
const OTHER = "00f067aa0ba902b8";

function show(): void {
  const traceId = parseTraceId(TRACE);
  if (!traceId) throw new Error("bad id");
  renderPage(
    <RelatedLogs
      traceId={traceId}
      model={buildTrace([span({ span_id: SPAN }), span({ span_id: OTHER, parent_span_id: SPAN })])}
      spanId={parseSpanId(SPAN)}
      onSelectSpan={() => {}}
    />,
  );
}

function answerLogs(
  ofTrace: ReturnType<typeof logRecord>[],
  withoutIds: ReturnType<typeof logRecord>[],
): void {
  answer((url) => ({
    logs: url.searchParams.has("trace_id") ? ofTrace : withoutIds,
    resources: {},
    scopes: {},
    next_cursor: null,
    histogram: { step_ns: "1", buckets: [] },
    facets: [],
    stats: { rows_read: "0", bytes_read: "0", elapsed_ms: 0 },
  }));
}

describe("RelatedLogs", () => {
  afterEach(cleanup);

  it("marks the span's lines among the trace's and links to them in Logs", async () => {
    answerLogs(
      [
        logRecord({ span_id: OTHER, body: { type: "string", value: "of another span" } }),
        logRecord({ span_id: SPAN, body: { type: "string", value: "of this span" } }),
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
