import { act, cleanup, renderHook } from "@testing-library/react";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { FakeEventSource, tailedLog } from "@/testing/support";
import { useTail } from "./useTail";

const line = (value: string) => tailedLog({ body: { type: "string", value } });

/** The connection made last. */
function connection(): FakeEventSource {
  const last = FakeEventSource.all.at(-1);
  if (!last) throw new Error("nothing was asked for");
  return last;
}

const wait = (ms: number) => act(() => vi.advanceTimersByTimeAsync(ms));

function listen(q = "") {
  return renderHook(({ filter, enabled }) => useTail(filter, enabled), {
    initialProps: { filter: q, enabled: true },
  });
}

function setHidden(hidden: boolean): void {
  vi.spyOn(document, "hidden", "get").mockReturnValue(hidden);
  act(() => void document.dispatchEvent(new Event("visibilitychange")));
}

describe("useTail", () => {
  beforeEach(() => {
    vi.useFakeTimers();
    vi.stubGlobal("EventSource", FakeEventSource);
    FakeEventSource.all = [];
  });
  afterEach(() => {
    cleanup();
    vi.restoreAllMocks();
    vi.useRealTimers();
    vi.unstubAllGlobals();
  });

  it("tells of records as they come, the newest first", async () => {
    const { result } = listen("severity >= warn");
    expect(connection().url).toBe("/api/v1/tail?signal=logs&q=severity+%3E%3D+warn");
    connection().open();
    connection().send("record", line("first"));
    connection().send("record", line("second"));
    await wait(20);

    expect(result.current.open).toBe(true);
    expect(result.current.received.map(({ row }) => row.body.value)).toEqual(["second", "first"]);
  });

  it("counts what came, and what came too fast", async () => {
    const { result } = listen();
    for (let i = 0; i < 1200; i += 1) connection().send("record", line(`line ${i}`));
    connection().send("missed", { count: 30, unchecked: 2 });
    await wait(20);
    connection().send("missed", { count: 1, unchecked: 0 });
    await wait(20);

    expect(result.current).toMatchObject({ count: 1200, missed: 33 });
    expect(result.current.received).toHaveLength(1000);
    expect(result.current.received[0]?.row.body.value).toBe("line 1199");
  });

  it("asks again after a while when it was refused, and leaves a broken connection to the browser", async () => {
    const { result } = listen();
    connection().open();
    connection().fail(FakeEventSource.CONNECTING);
    await wait(30_000);
    expect(FakeEventSource.all).toHaveLength(1);
    expect(result.current.open).toBe(false);

    connection().fail(FakeEventSource.CLOSED);
    await wait(9_000);
    expect(FakeEventSource.all).toHaveLength(1);
    await wait(2_000);
    expect(FakeEventSource.all).toHaveLength(2);
  });

  it("lets go of the connection when nobody can see the page, and keeps what came", async () => {
    const { result } = listen();
    connection().open();
    connection().send("record", line("seen"));
    await wait(20);
    setHidden(true);
    expect(connection().readyState).toBe(FakeEventSource.CLOSED);
    expect(result.current).toMatchObject({ open: false, count: 1 });

    setHidden(false);
    expect(FakeEventSource.all).toHaveLength(2);
  });

  it("begins anew with another filter, and ends with live mode", async () => {
    const { result, rerender } = listen("a");
    connection().send("record", line("of a"));
    await wait(20);
    rerender({ filter: "b", enabled: true });
    expect(result.current.received).toHaveLength(0);
    expect(FakeEventSource.all[0]?.readyState).toBe(FakeEventSource.CLOSED);
    expect(connection().url).toContain("q=b");

    rerender({ filter: "b", enabled: false });
    expect(connection().readyState).toBe(FakeEventSource.CLOSED);
    await wait(60_000);
    expect(FakeEventSource.all).toHaveLength(2);
  });
});
