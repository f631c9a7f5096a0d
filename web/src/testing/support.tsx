import { QueryClientProvider } from "@tanstack/react-query";
import {
  createMemoryHistory,
  createRootRoute,
  createRouter,
  RouterProvider,
} from "@tanstack/react-router";
import { render } from "@testing-library/react";
import type { ReactNode } from "react";
import { vi } from "vitest";
import type { Schemas } from "@/api/client";
import { createQueryClient } from "@/api/queries";
import type { TailedLog } from "@/api/tail";
import { parseSearch, stringifySearch } from "@/app/search";

/** Renders a view inside a router, at an address, and a query client of its own. */
export function renderPage(view: ReactNode, at = "/"): void {
  const router = createRouter({
    routeTree: createRootRoute({ component: () => view }),
    history: createMemoryHistory({ initialEntries: [at] }),
    parseSearch,
    stringifySearch,
  });
  render(
    <QueryClientProvider client={createQueryClient()}>
      {/* The app's own router type is registered globally; this one has a single route. */}
      <RouterProvider router={router as never} />
    </QueryClientProvider>,
  );
}

/** Lets `reply` answer every request with a JSON body. */
export function answer(reply: (url: URL) => unknown, status = 200): void {
  vi.stubGlobal("fetch", async (request: Request) => {
    const body = JSON.stringify(reply(new URL(request.url)));
    return new Response(body, { status, headers: { "content-type": "application/json" } });
  });
}

/** Stands in for the browser's EventSource; what the server sends is up to the test. */
export class FakeEventSource extends EventTarget {
  static readonly CONNECTING = 0;
  static readonly OPEN = 1;
  static readonly CLOSED = 2;
  static all: FakeEventSource[] = [];

  readyState = FakeEventSource.CONNECTING;
  onopen: (() => void) | null = null;
  onerror: (() => void) | null = null;

  constructor(readonly url: string) {
    super();
    FakeEventSource.all.push(this);
  }

  open(): void {
    this.readyState = FakeEventSource.OPEN;
    this.onopen?.();
  }

  fail(readyState: number): void {
    this.readyState = readyState;
    this.onerror?.();
  }

  send(event: string, data: object): void {
    this.dispatchEvent(new MessageEvent(event, { data: JSON.stringify(data) }));
  }

  close(): void {
    this.readyState = FakeEventSource.CLOSED;
  }
}

export function tailedLog(change: Partial<TailedLog>): TailedLog {
  const { id: _id, resource_id: _resource, scope_id: _scope, ...record } = logRecord({});
  const attributes = { attributes: [], dropped_attributes_count: 0 };
  return {
    ...record,
    resource: { service_name: "demo", schema_url: "", ...attributes },
    scope: { name: "", version: "", schema_url: "", ...attributes },
    ...change,
  };
}

export function span(change: Partial<Schemas["Span"]>): Schemas["Span"] {
  return {
    same_id_count: 1,
    span_id: "00f067aa0ba902b7",
    parent_span_id: null,
    service_name: "demo",
    name: "GET /",
    kind: "server",
    kind_number: 2,
    start_time: "1700000000000000000",
    end_time: "1700000000100000000",
    duration_ns: "100000000",
    status: { code: "unset", code_number: 0, message: "" },
    trace_state: "",
    flags: 1,
    resource_id: "r",
    scope_id: "s",
    attributes: [],
    dropped_attributes_count: 0,
    events: [],
    dropped_events_count: 0,
    links: [],
    dropped_links_count: 0,
    ...change,
  };
}

export function logRecord(change: Partial<Schemas["LogRecord"]>): Schemas["LogRecord"] {
  return {
    id: "1",
    time: "1700000000050000000",
    time_unix_nano: "1700000000050000000",
    observed_time_unix_nano: "1700000000050000000",
    service_name: "demo",
    trace_id: "4bf92f3577b34da6a3ce929d0e0e4736",
    span_id: "00f067aa0ba902b7",
    flags: 1,
    severity: "info",
    severity_number: 9,
    severity_text: "INFO",
    body: { type: "string", value: "a line" },
    event_name: "",
    resource_id: "r",
    scope_id: "s",
    attributes: [],
    dropped_attributes_count: 0,
    ...change,
  };
}
