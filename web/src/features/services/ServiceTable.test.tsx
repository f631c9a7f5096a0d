import { cleanup, screen } from "@testing-library/react";
import { afterEach, describe, expect, it } from "vitest";
import { nanos } from "@/lib/nanos";
import { renderPage } from "@/testing/support";
import { ServiceTable } from "./ServiceTable";
import type { Service } from "./sort";

const SHOP: Service = {
  name: "the shop's",
  span_count: 60,
  error_count: 6,
  error_rate: 0.1,
  requests_per_second: 1,
  p50_ns: 1e6,
  p90_ns: 2e6,
  p99_ns: 3e6,
  apdex: 0.876,
  apdex_error: 0,
  log_count: 0,
  metric_count: 0,
  last_seen: "1700000000000000000",
  sparklines: { requests: [60], errors: [6], p99_ns: [3e6] },
};

function renderTable(service: Service): void {
  renderPage(
    <ServiceTable
      services={[service]}
      sort={null}
      selected={-1}
      now={nanos("1700000001000000000")}
      apdexNs={500_000_000}
      dimmed={false}
      timeSearch={{ range: "1h" }}
      onSort={() => {}}
    />,
  );
}

/** Where the link with this tooltip leads. */
async function searchOf(title: string): Promise<Record<string, string>> {
  const link = await screen.findByTitle(title);
  const { pathname, searchParams } = new URL(link.getAttribute("href") ?? "", "http://localhost");
  expect(pathname).toBe("/traces");
  return Object.fromEntries(searchParams);
}

describe("ServiceTable", () => {
  afterEach(cleanup);

  it("leads from each number to the spans that it counts", async () => {
    renderTable(SHOP);
    // The server's tests count what these very terms find.
    const q = "service.name = 'the shop\\'s' AND is_entry_point = true";
    expect(await searchOf("60 requests")).toEqual({ range: "1h", q });
    expect(await searchOf("Slowest requests of the shop's")).toEqual({
      range: "1h",
      q,
      order: "slowest",
    });
    expect(await searchOf("6 of 60 requests failed")).toEqual({
      range: "1h",
      q: `${q} AND status = 'error'`,
    });
  });

  it("shows the Apdex with two decimals and says of which threshold", async () => {
    renderTable(SHOP);
    expect((await screen.findByTitle("Requests of at most 500 ms satisfy")).textContent).toBe(
      "0.88",
    );
  });

  it("leads from the name to all traces of the service", async () => {
    renderTable(SHOP);
    expect(await searchOf("Traces of the shop's")).toEqual({
      range: "1h",
      q: "service.name = 'the shop\\'s'",
    });
  });
});
