import { act, cleanup, screen } from "@testing-library/react";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { holdLive, refresh } from "@/app/clock";
import { FakeEventSource, logRecord, renderPage, tailedLog } from "@/testing/support";
import { LiveNote } from "./LiveNote";
import { useLiveRows } from "./useLiveRows";

const NOW_MS = 1_700_000_100_000;
const body = (value: string) => ({ type: "string" as const, value });
const FOUND = [logRecord({ time: `${NOW_MS}000000`, body: body("found") })];

function Rows({ searchedMs = NOW_MS, newestFirst = true, refused = false }) {
  const live = useLiveRows(FOUND, { q: "", newestFirst, refused, searchedMs });
  return (
    <>
      <p>{live.rows.map((row) => row.body.value).join(", ")}</p>
      <LiveNote {...live} />
    </>
  );
}

async function show(view = <Rows />, at = "/?live=1"): Promise<void> {
  renderPage(view, at);
  await wait(0);
}

const wait = (ms: number) => act(() => vi.advanceTimersByTimeAsync(ms));

async function receive(value: string, timeMs = NOW_MS + 1): Promise<void> {
  FakeEventSource.all[0]?.open();
  FakeEventSource.all[0]?.send("record", tailedLog({ time: `${timeMs}000000`, body: body(value) }));
  await wait(20);
}

describe("useLiveRows", () => {
  beforeEach(() => {
    vi.useFakeTimers({ now: NOW_MS });
    refresh();
    vi.stubGlobal("EventSource", FakeEventSource);
    FakeEventSource.all = [];
  });
  afterEach(() => {
    cleanup();
    holdLive(false);
    vi.useRealTimers();
    vi.unstubAllGlobals();
  });

  it("shows what is received before it is found", async () => {
    await show();
    await receive("new");
    expect(screen.getByText("new, found")).toBeTruthy();
  });

  it("lets what waits be counted while one reads further down", async () => {
    await show();
    await receive("new");
    act(() => holdLive(true));
    await receive("waiting");
    await receive("waiting too");
    expect(screen.getByText("new, found")).toBeTruthy();
    expect(screen.getByRole("status").textContent).toBe("2 new at the top");

    act(() => holdLive(false));
    expect(screen.getByText("waiting too, waiting, new, found")).toBeTruthy();
  });

  it("leaves to a later search what that must have found", async () => {
    await show(<Rows searchedMs={NOW_MS + 10_000} />);
    await receive("not found");
    expect(screen.getByText("found")).toBeTruthy();
  });

  it("says how many came too fast", async () => {
    await show();
    await receive("new");
    FakeEventSource.all[0]?.send("missed", { count: 30, unchecked: 0 });
    await wait(20);
    expect(screen.getByRole("status").textContent).toBe("30 came too fast to show at once");
  });

  it.each([
    ["without live mode", <Rows key="off" />, "/"],
    ["with the oldest first", <Rows key="oldest" newestFirst={false} />, "/?live=1"],
    ["after a refusal", <Rows key="refused" refused />, "/?live=1"],
  ])("does not listen %s", async (_, view, at) => {
    await show(view, at);
    expect(FakeEventSource.all).toHaveLength(0);
  });
});
