import { expect } from "@playwright/test";
import { exactly, findTrace, logsOf, screenshot, spansOf, TRACE_ID, test } from "./support";

test("leads from the services to a trace, a span, its logs and back", async ({ page, request }) => {
  expect(TRACE_ID, "TRACE_ID names the trace to look at").toMatch(/^[0-9a-f]{32}$/);
  const spans = await spansOf(request, TRACE_ID);
  const logs = await logsOf(request, TRACE_ID);
  const services = [...new Set(spans.map(({ service_name }) => service_name))];
  expect(services.length).toBeGreaterThanOrEqual(3);

  const withLogs = spans.find(({ span_id }) => logs.some((log) => log.span_id === span_id));
  if (!withLogs) throw new Error("no span of the trace has a log record");
  const spanLogs = logs.filter(({ span_id }) => span_id === withLogs.span_id);

  await test.step("the services list shows every service of the trace", async () => {
    await page.goto("/?range=5m");
    const table = page.getByRole("table", { name: "Services" });
    for (const service of services) {
      await expect(table.getByRole("link", { name: service, exact: true })).toBeVisible();
    }
    await expect(table.getByRole("columnheader", { name: "p99", exact: true })).toBeVisible();
    await expect(table.getByRole("columnheader", { name: "Error rate" })).toBeVisible();
    await expect(table.getByRole("columnheader", { name: "Requests/s" })).toBeVisible();
    const row = table.getByRole("row").filter({
      has: page.getByRole("link", { name: withLogs.service_name, exact: true }),
    });
    await expect(row).toContainText(/\d (ms|s|µs)/);
    await screenshot(page, "services");
    await row.getByRole("link", { name: withLogs.service_name, exact: true }).click();
  });

  await test.step("a service leads to its traces", async () => {
    await expect(page).toHaveURL(/\/traces\?/);
    await expect(page.getByRole("textbox", { name: "Filter traces" })).toHaveValue(
      `service.name = '${withLogs.service_name}'`,
    );
    await expect(
      page.getByRole("list", { name: "Traces" }).getByRole("link").first(),
    ).toBeVisible();
    await expect(page.getByRole("img", { name: /Spans over time/ })).toBeVisible();
    await screenshot(page, "traces");
  });

  await test.step("a filter finds the trace", async () => {
    const query = page.getByRole("textbox", { name: "Filter traces" });
    await query.fill(`trace_id = '${TRACE_ID}'`);
    await query.press("Enter");
    const rows = page.getByRole("list", { name: "Traces" }).getByRole("link");
    await expect(rows).toHaveCount(1);
    await rows.first().click();
  });

  const tree = page.getByRole("tree", { name: "Spans" });

  await test.step("the waterfall shows all spans of all services, children below parents", async () => {
    await expect(page).toHaveURL(exactly(`/traces/${TRACE_ID}`));
    await expect(tree.getByRole("treeitem")).toHaveCount(spans.length);
    for (const service of services) {
      await expect(
        page
          .getByRole("list", { name: "Services of the trace" })
          .getByText(service, { exact: true }),
      ).toBeVisible();
    }
    const depth = new Map<string, number>();
    const byId = new Map(spans.map((span) => [span.span_id, span]));
    for (const span of spans) {
      let level = 1;
      for (
        let up = span.parent_span_id === null ? undefined : byId.get(span.parent_span_id);
        up;
        up = up.parent_span_id === null ? undefined : byId.get(up.parent_span_id)
      ) {
        level += 1;
      }
      depth.set(span.span_id, level);
    }
    const levels = await tree
      .getByRole("treeitem")
      .evaluateAll((items) => items.map((item) => Number(item.getAttribute("aria-level"))));
    expect([...levels].sort()).toEqual([...depth.values()].sort());
    await expect(page.getByRole("img", { name: /Flame graph/ })).toBeVisible();
    await screenshot(page, "trace");
  });

  const panel = page.getByRole("complementary", { name: "Span" });

  await test.step("a span shows its attributes, status and raw form", async () => {
    await tree
      .getByRole("treeitem", { name: exactly(`${withLogs.service_name} ${withLogs.name},`) })
      .first()
      .click();
    await expect(page).toHaveURL(/[?&]span=[0-9a-f]{16}/);
    await page.goto(page.url().replace(/span=[0-9a-f]{16}/, `span=${withLogs.span_id}`));
    await expect(panel.getByRole("heading", { name: withLogs.name })).toBeVisible();
    const attributes = panel.getByRole("definition");
    for (const { value } of withLogs.attributes.slice(0, 3)) {
      await expect(attributes.filter({ hasText: value }).first()).toBeVisible();
    }
    await screenshot(page, "span");
    await panel.getByRole("tab", { name: /^Raw/ }).click();
    await expect(panel.getByText(`"span_id": "${withLogs.span_id}"`)).toBeVisible();
  });

  await test.step("Related logs shows the trace's lines with the span's marked", async () => {
    await panel.getByRole("button", { name: "Related logs" }).click();
    await expect(
      panel.getByText(`${spanLogs.length} of this span, ${logs.length} in the trace`),
    ).toBeVisible();
    const lines = panel.getByRole("list", { name: "Related log lines" }).getByRole("listitem");
    await expect(lines).toHaveCount(logs.length);
    const marked = panel.locator("li[aria-current=true]");
    await expect(marked).toHaveCount(spanLogs.length);
    await expect(marked.first()).toContainText(spanLogs[0]?.body.value ?? "");
    await screenshot(page, "related-logs");
  });

  await test.step("Open in Logs filters for the trace, at its time", async () => {
    await panel.getByRole("link", { name: "Open in Logs" }).click();
    await expect(page).toHaveURL(/\/logs\?/);
    await expect(page).toHaveURL(/start=\d{19}&end=\d{19}/);
    await expect(page.getByRole("textbox", { name: "Filter logs" })).toHaveValue(
      `trace_id = '${TRACE_ID}'`,
    );
    const records = page.getByRole("list", { name: "Log records" }).getByRole("listitem");
    await expect(records).toHaveCount(logs.length);
    await screenshot(page, "logs");
    await records
      .filter({ hasText: spanLogs[0]?.body.value ?? "" })
      .first()
      .getByRole("button")
      .first()
      .click();
  });

  await test.step("a log record leads back to its span", async () => {
    const record = page.getByRole("complementary", { name: "Log record" });
    await expect(record).toContainText(TRACE_ID);
    await screenshot(page, "log-record");
    await record.getByRole("link", { name: "Open the span" }).click();
    await expect(page).toHaveURL(exactly(`/traces/${TRACE_ID}`));
    await expect(tree.getByRole("treeitem", { selected: true })).toHaveCount(1);
    await expect(panel.getByRole("tab", { name: /^Logs/, selected: true })).toBeVisible();
  });
});

test("marks a failed request and shows its message and its log record", async ({
  page,
  request,
}) => {
  const traceId = await findTrace(request, "name = 'POST /fibonacci' AND status = error");
  const spans = await spansOf(request, traceId);
  const failed = spans.find(
    ({ name, status }) => name === "POST /fibonacci" && status.code === "error",
  );
  if (!failed) throw new Error("the failed span is missing");

  await page.goto(`/traces/${traceId}`);
  const item = page.getByRole("treeitem", { name: /POST \/fibonacci, .*, error/ });
  await expect(item).toBeVisible();
  await page.keyboard.press("n");
  await expect(item).toHaveAttribute("aria-selected", "true");
  await page.keyboard.press("Enter");

  const panel = page.getByRole("complementary", { name: "Span" });
  expect(failed.status.message).not.toBe("");
  await expect(panel.getByText(failed.status.message).first()).toBeVisible();
  await panel.getByRole("tab", { name: /^Logs/ }).click();
  await expect(
    panel.locator("li[aria-current=true]").filter({ hasText: "error parsing fibonacci payload" }),
  ).toBeVisible();
  await screenshot(page, "failed-request");
});

test("draws p99 by path and active requests as a value", async ({ page }) => {
  await page.goto("/metrics?range=5m");
  const names = page.getByRole("list", { name: "Metric names" });
  const header = page.getByRole("region", { name: "Metric" });
  const legend = page.getByRole("table", { name: "Legend" });

  await names.getByRole("button", { name: /http\.server\.request\.duration/ }).click();
  await expect(header).toContainText("histogram");
  await expect(header).toContainText("unit s");
  await page.getByRole("combobox", { name: "Group by" }).selectOption("url.path");
  await expect(
    page.getByRole("group", { name: "Aggregation" }).getByRole("button", { name: "p99" }),
  ).toHaveAttribute("aria-pressed", "true");
  const fibonacci = legend.getByRole("row").filter({ hasText: "/fibonacci" });
  await expect(fibonacci).toContainText(/\d (ms|s)/);
  await expect(legend.getByRole("row").filter({ hasText: "/external" })).toContainText(
    /\d (ms|s|µs)/,
  );
  await expect(page.getByRole("img", { name: /p99/ })).toBeVisible();
  await screenshot(page, "metrics-p99");

  await fibonacci.getByRole("button").click();
  await expect(fibonacci.getByRole("button")).toHaveAttribute("aria-pressed", "true");
  await page.getByRole("button", { name: "Show all series" }).click();

  await names.getByRole("button", { name: /http\.server\.active_requests/ }).click();
  await expect(header).toContainText("up-down counter");
  const aggregation = page.getByRole("group", { name: "Aggregation" });
  await expect(aggregation.getByRole("button", { name: "value" })).toHaveAttribute(
    "aria-pressed",
    "true",
  );
  await expect(aggregation.getByRole("button", { name: "rate" })).toHaveCount(0);
  await expect(page.getByRole("combobox", { name: "Group by" })).toHaveValue("url.path");
  await expect(legend.getByRole("row").filter({ hasText: "/fibonacci" })).toContainText(/\d/);
  await screenshot(page, "metrics-active-requests");

  await legend.getByRole("link", { name: "Traces of /fibonacci" }).click();
  await expect(page.getByRole("textbox", { name: "Filter traces" })).toHaveValue(
    /attribute\.url\.path = '\/fibonacci'$/,
  );
  await expect(page.getByRole("list", { name: "Traces" }).getByRole("link").first()).toBeVisible();
});
