import { randomBytes } from "node:crypto";
import { expect } from "@playwright/test";
import { screenshot, sendLines, sendSpans, TRACE_ID, test } from "./support";

test("is driven by keys", async ({ page }) => {
  await page.goto("/services?range=5m");
  await expect(page.getByRole("table", { name: "Services" })).toBeVisible();

  await page.keyboard.press("g");
  await page.keyboard.press("t");
  await expect(page.getByRole("heading", { name: "Traces", level: 1 })).toBeVisible();
  await expect(page).toHaveURL(/range=5m/);

  const traces = page.getByRole("list", { name: "Traces" });
  await expect(traces.getByRole("link").first()).toBeVisible();
  await page.keyboard.press("j");
  await page.keyboard.press("Enter");
  await expect(page.getByRole("tree", { name: "Spans" })).toBeVisible();

  await page.keyboard.press("/");
  await expect(page.getByRole("textbox", { name: "Search in this trace" })).toBeFocused();
  await page.keyboard.press("Escape");

  await page.keyboard.press("?");
  await expect(page.getByRole("dialog", { name: "Keyboard shortcuts" })).toBeVisible();
  await page.keyboard.press("Escape");
  await expect(page.getByRole("dialog")).toHaveCount(0);

  await page.keyboard.press("g");
  await page.keyboard.press("l");
  await expect(page.getByRole("heading", { name: "Logs", level: 1 })).toBeVisible();
});

test("says where a filter is wrong and keeps what was there", async ({ page }) => {
  await page.goto("/traces?range=5m");
  const traces = page.getByRole("list", { name: "Traces" });
  await expect(traces.getByRole("link").first()).toBeVisible();

  const query = page.getByRole("textbox", { name: "Filter traces" });
  await query.fill("service.name = ");
  await query.press("Enter");
  await expect(page.getByRole("alert")).toBeVisible();
  await expect(query).toHaveAttribute("aria-invalid", "true");
  await expect(traces.getByRole("link").first()).toBeVisible();

  await page.getByRole("button", { name: "Clear the query" }).click();
  await expect(page.getByRole("alert")).toHaveCount(0);
});

test("tells of a field that no span has, and puts the one that was meant in its place", async ({
  page,
}) => {
  await page.goto("/traces?range=5m&q=servce.name = 'demo-service'");
  await expect(
    page.getByRole("status").filter({ hasText: "no attribute servce.name" }),
  ).toBeVisible();
  await screenshot(page, "unknown-field");

  await page.getByRole("button", { name: "service.name", exact: true }).click();
  await expect(page).toHaveURL(/service\.name/);
  await expect(page.getByText("no attribute")).toHaveCount(0);
  await expect(page.getByRole("list", { name: "Traces" }).getByRole("link").first()).toBeVisible();
});

test("offers a next step where nothing matches", async ({ page }) => {
  await page.goto("/logs?range=15m&q='a text that no record has 7f3a'");
  await expect(page.getByRole("heading", { name: "No log records match" })).toBeVisible();
  await page.getByRole("button", { name: "Clear the query" }).last().click();
  await expect(page.getByRole("list", { name: "Log records" })).toBeVisible();
});

test("says that a trace is not there", async ({ page }) => {
  await page.goto("/traces/00000000000000000000000000000001");
  await expect(page.getByRole("heading", { name: "There is no such trace" })).toBeVisible();
  await page.goto("/traces/xyz");
  await expect(page.getByRole("heading", { name: "This is not a trace id" })).toBeVisible();
});

test("shows more of an open trace as it arrives, and keeps what is folded and selected", async ({
  page,
  request,
}) => {
  const traceId = randomBytes(16).toString("hex");
  const start = Date.now();
  const spans = page.getByRole("treeitem");
  await page.goto(`/traces/${traceId}`);
  await expect(page.getByRole("heading", { name: "There is no such trace" })).toBeVisible();

  await sendSpans(request, traceId, start, [
    { id: "00000000000000b1", parent: "00000000000000a1", name: "query", fromMs: 10, toMs: 50 },
    { id: "00000000000000c1", parent: "00000000000000b1", name: "row", fromMs: 20, toMs: 30 },
  ]);
  await expect(spans).toHaveCount(2, { timeout: 30_000 });
  const query = page.getByRole("treeitem", { name: /sent query/ });
  await query.click();
  await query.getByRole("button", { name: "Fold" }).click();
  await expect(spans).toHaveCount(1);

  await sendSpans(request, traceId, start, [
    { id: "00000000000000a1", name: "request", fromMs: 0, toMs: 90 },
    { id: "00000000000000d1", parent: "00000000000000a1", name: "answer", fromMs: 60, toMs: 80 },
  ]);
  await expect(spans).toHaveCount(3, { timeout: 30_000 });
  await expect(query).toHaveAttribute("aria-expanded", "false");
  await expect(query).toHaveAttribute("aria-selected", "true");
  await expect(
    page.getByRole("complementary", { name: "Span" }).getByRole("heading", { name: "query" }),
  ).toBeVisible();
});

test("shows a trace of thousands of spans, and of a span everything once it is opened", async ({
  page,
  request,
}) => {
  const traceId = randomBytes(16).toString("hex");
  const root = "00000000000000a1";
  await sendSpans(request, traceId, Date.now(), [
    { id: root, name: "request", fromMs: 0, toMs: 6000 },
    ...Array.from({ length: 5000 }, (_, at) => ({
      id: (0x10000 + at).toString(16).padStart(16, "0"),
      parent: root,
      name: `query ${at}`,
      fromMs: at,
      toMs: at + 900,
      attributes: { "order.id": `order ${at}` },
    })),
  ]);

  await page.goto(`/traces/${traceId}`);
  await expect(page.getByText("The trace is large")).toBeVisible({ timeout: 30_000 });
  await expect(page.getByRole("img", { name: /^Flame graph of 5001 spans/ })).toBeVisible();
  await expect(page.getByText("not drawn here")).toBeVisible();
  await page.getByRole("treeitem", { name: /sent query 3, / }).click();
  const panel = page.getByRole("complementary", { name: "Span" });
  await expect(panel.getByText("order 3", { exact: true })).toBeVisible();
  await screenshot(page, "large-trace");

  await page.getByRole("textbox", { name: "Search in this trace" }).fill("query 4711");
  await page.keyboard.press("Escape");
  await page.keyboard.press("n");
  await expect(panel.getByText("order 4711", { exact: true })).toBeVisible();
});

test("finds a span's log lines after a thousand others of its trace", async ({ page, request }) => {
  const traceId = randomBytes(16).toString("hex");
  const start = Date.now();
  const first = "00000000000000a1";
  const last = "00000000000000b1";
  await sendSpans(request, traceId, start, [
    { id: first, name: "request", fromMs: 0, toMs: 1300 },
    { id: last, parent: first, name: "query", fromMs: 1205, toMs: 1290 },
  ]);
  await sendLines(request, traceId, start, [
    ...Array.from({ length: 1200 }, (_, at) => ({ spanId: first, text: `row ${at}`, atMs: at })),
    { spanId: last, text: "asked the database", atMs: 1210 },
  ]);

  await page.goto(`/traces/${traceId}?span=${last}&tab=logs`);
  const panel = page.getByRole("complementary", { name: "Span" });
  await expect(panel.getByText("1 of this span, 1201 in the trace")).toBeVisible({
    timeout: 30_000,
  });
  const marked = panel.locator("li[aria-current=true]");
  await expect(marked).toContainText("asked the database");
  await expect(panel.getByText("row 1100", { exact: true })).toHaveCount(0);
  await screenshot(page, "related-logs-of-many");

  const more = panel.getByRole("button", { name: "Show more of the trace" });
  await more.click();
  await expect(panel.getByText("row 600", { exact: true })).toHaveCount(1);
  await more.click();
  await expect(panel.getByText("row 1100", { exact: true })).toHaveCount(1);
  await expect(more).toHaveCount(0);
  await expect(marked).toHaveCount(1);
});

test("filters log records by severity and by facet", async ({ page }) => {
  await page.goto("/logs?range=5m");
  const records = page.getByRole("list", { name: "Log records" });
  await expect(records.getByRole("listitem").first()).toBeVisible();
  await page
    .getByRole("group", { name: "Severity" })
    .getByRole("button", { name: "Error+" })
    .click();
  await expect(page).toHaveURL(/severity=error/);
  await expect(records.getByRole("button", { name: /^(info|debug|warn) / })).toHaveCount(0);
  await expect(records.getByRole("button", { name: /^error / }).first()).toBeVisible();

  const service = page.getByRole("list", { name: "Service" }).getByRole("button").first();
  await service.click();
  await expect(page.getByRole("textbox", { name: "Filter logs" })).toHaveValue(
    /^service\.name = '/,
  );
});

test("shows log records at once in live mode, and counts what waits", async ({ page, request }) => {
  const word = `live${randomBytes(4).toString("hex")}`;
  const send = (...texts: string[]) =>
    sendLines(
      request,
      randomBytes(16).toString("hex"),
      Date.now() - texts.length,
      texts.map((text, atMs) => ({ spanId: randomBytes(8).toString("hex"), text, atMs })),
    );
  await send(...Array.from({ length: 60 }, (_, i) => `${word} before ${i}`));
  const lines = page.getByRole("list", { name: "Log records" });
  await expect(async () => {
    await page.goto(`/logs?range=5m&q='${word}'`);
    const last = lines.getByRole("button", { name: `${word} before 59` });
    await expect(last).toBeVisible({ timeout: 1000 });
  }).toPass();

  const opened = page.waitForResponse(/\/api\/v1\/tail/);
  await page.getByRole("button", { name: "Live", exact: true }).click();
  await opened;
  // What is seen from now on was not searched for.
  await page.route("**/api/v1/logs?**", () => {});
  await send(`${word} after`);
  const received = lines.getByRole("button", { name: `${word} after` });
  await expect(received).toBeVisible();
  await received.click();
  const panel = page.getByRole("complementary", { name: "Log record" });
  await expect(panel.getByText("Resource")).toBeVisible();
  await screenshot(page, "logs-live");

  await lines.hover();
  await page.mouse.wheel(0, 200);
  await expect(page.getByRole("button", { name: "Live, waiting" })).toBeVisible();
  await send(`${word} waits`);
  await expect(page.getByText("1 new at the top")).toBeVisible();
  await page.mouse.wheel(0, -400);
  await expect(lines.getByRole("button", { name: `${word} waits` })).toBeVisible();

  await page.unrouteAll();
  await page.reload();
  await expect(panel.getByText(`${word} after`)).toBeVisible();
});

test("filters spans by several values of a facet and lets them go again", async ({ page }) => {
  await page.goto("/traces?range=5m");
  const query = page.getByRole("textbox", { name: "Filter traces" });
  const kinds = page.getByRole("list", { name: "Kind" });
  const server = kinds.getByRole("button", { name: /^server/ });
  const client = kinds.getByRole("button", { name: /^client/ });

  await server.click();
  await expect(query).toHaveValue("kind = 'server'");
  await expect(page).toHaveURL(/q=/);
  await client.click();
  await expect(query).toHaveValue("kind IN ('server', 'client')");
  await expect(server).toHaveAttribute("aria-pressed", "true");
  await expect(client).toHaveAttribute("aria-pressed", "true");

  const statuses = page.getByRole("list", { name: "Status" });
  await statuses.getByRole("button", { name: /^error/ }).hover();
  const noErrors = statuses.getByRole("button", { name: "Filter out error" });
  await noErrors.click();
  await expect(query).toHaveValue("kind IN ('server', 'client') AND status != 'error'");
  await expect(noErrors).toHaveAttribute("aria-pressed", "true");
  await expect(statuses.getByRole("button", { name: /^error \d/ })).toBeVisible();
  await query.hover();
  await page.waitForLoadState("networkidle");
  await screenshot(page, "facets");

  await server.click();
  await noErrors.click();
  await expect(query).toHaveValue("kind = 'client'");
});

test("follows the system's theme and can be switched", async ({ page }) => {
  await page.emulateMedia({ colorScheme: "dark" });
  await page.goto(`/traces/${TRACE_ID}`);
  await expect(page.locator("html")).toHaveAttribute("data-theme", "dark");
  await expect(page.getByRole("treeitem").first()).toBeVisible();
  await screenshot(page, "trace-dark");

  await page.getByRole("button", { name: "Theme: system" }).click();
  await expect(page.locator("html")).toHaveAttribute("data-theme", "light");
  await page.reload();
  await expect(page.locator("html")).toHaveAttribute("data-theme", "light");
});
