import { type APIRequestContext, test as base, expect, type Page } from "@playwright/test";

/** What the tests read of the API's answers. */
export type Span = {
  span_id: string;
  parent_span_id: string | null;
  service_name: string;
  name: string;
  start_time: string;
  status: { code: string; message: string };
  attributes: { key: string; value: string }[];
};
export type LogRecord = { span_id: string | null; body: { value: string }; severity: string };

/** The trace of the demo's client: it passed through three services and logged. */
export const TRACE_ID = process.env.TRACE_ID ?? "";

const SCREENSHOTS = process.env.SCREENSHOTS ?? "../../build/screenshots";

/** Every test fails on an error in the page's console. */
export const test = base.extend<{ consoleErrors: string[] }>({
  consoleErrors: [
    async ({ page }, use) => {
      const errors: string[] = [];
      page.on("pageerror", (error) => errors.push(error.message));
      page.on("console", (message) => {
        // A refused request is logged too; the tests that provoke one look at the page instead.
        if (message.type() === "error" && !message.text().startsWith("Failed to load resource")) {
          errors.push(message.text());
        }
      });
      await use(errors);
      expect(errors).toEqual([]);
    },
    { auto: true },
  ],
});

export async function screenshot(page: Page, name: string): Promise<void> {
  await page.screenshot({ path: `${SCREENSHOTS}/${name}.png`, animations: "disabled" });
}

async function get<T>(
  request: APIRequestContext,
  path: string,
  params: Record<string, string>,
): Promise<T> {
  const response = await request.get(path, { params });
  expect(response.ok(), `${path} answered ${response.status()}`).toBe(true);
  return (await response.json()) as T;
}

export async function spansOf(request: APIRequestContext, traceId: string): Promise<Span[]> {
  return (await get<{ spans: Span[] }>(request, `/api/v1/traces/${traceId}`, {})).spans;
}

export async function logsOf(request: APIRequestContext, traceId: string): Promise<LogRecord[]> {
  const params = { trace_id: traceId, order: "oldest" };
  return (await get<{ logs: LogRecord[] }>(request, "/api/v1/logs", params)).logs;
}

export type SentSpan = {
  id: string;
  parent?: string;
  name: string;
  fromMs: number;
  toMs: number;
  /** Texts by their keys. */
  attributes?: Readonly<Record<string, string>>;
};

/** Sends spans of one trace over OTLP/HTTP; their times count from `start`, in milliseconds. */
export async function sendSpans(
  request: APIRequestContext,
  traceId: string,
  start: number,
  spans: readonly SentSpan[],
): Promise<void> {
  await post(request, "/v1/traces", {
    resourceSpans: [
      {
        resource: RESOURCE,
        scopeSpans: [
          {
            spans: spans.map(({ id, parent, name, fromMs, toMs, attributes }) => ({
              traceId,
              spanId: id,
              ...(parent ? { parentSpanId: parent } : {}),
              name,
              startTimeUnixNano: time(start, fromMs),
              endTimeUnixNano: time(start, toMs),
              attributes: Object.entries(attributes ?? {}).map(([key, stringValue]) => ({
                key,
                value: { stringValue },
              })),
            })),
          },
        ],
      },
    ],
  });
}

export type SentLine = { spanId: string; text: string; atMs: number };

/** The same for log records. */
export async function sendLines(
  request: APIRequestContext,
  traceId: string,
  start: number,
  lines: readonly SentLine[],
): Promise<void> {
  await post(request, "/v1/logs", {
    resourceLogs: [
      {
        resource: RESOURCE,
        scopeLogs: [
          {
            logRecords: lines.map(({ spanId, text, atMs }) => ({
              traceId,
              spanId,
              timeUnixNano: time(start, atMs),
              severityNumber: 9,
              body: { stringValue: text },
            })),
          },
        ],
      },
    ],
  });
}

const RESOURCE = { attributes: [{ key: "service.name", value: { stringValue: "sent" } }] };

function time(start: number, offset: number): string {
  return `${start + offset}000000`;
}

async function post(request: APIRequestContext, path: string, data: object): Promise<void> {
  const { otlp_http_port } = await get<{ otlp_http_port: number }>(request, "/api/v1/status", {});
  const response = await request.post(`http://127.0.0.1:${otlp_http_port}${path}`, { data });
  expect(response.ok(), `the server answered ${response.status()}`).toBe(true);
}

/** The id of the newest trace of the last hour with a span that matches. */
export async function findTrace(request: APIRequestContext, q: string): Promise<string> {
  const end = BigInt(Date.now()) * 1_000_000n;
  const start = end - 3_600_000_000_000n;
  const { traces } = await get<{ traces: { trace_id: string }[] }>(request, "/api/v1/traces", {
    q,
    start: String(start),
    end: String(end),
    limit: "1",
  });
  const [trace] = traces;
  if (!trace) throw new Error(`no trace matches ${q}`);
  return trace.trace_id;
}

/** A text as a regular expression that matches just it. */
export function exactly(text: string): RegExp {
  return new RegExp(text.replace(/[.*+?^${}()|[\]\\/]/g, "\\$&"));
}
