import { QueryClientProvider } from "@tanstack/react-query";
import { act, cleanup, renderHook } from "@testing-library/react";
import type { ReactNode } from "react";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { createQueryClient, useServerStatus } from "./queries";

/** Asks once, of a server that always refuses; returns how often it was asked so far. */
function ask(status: number, code: string): () => number {
  const fetch = vi.fn(async () => {
    const headers = { "content-type": "application/json", "retry-after": "5" };
    return new Response(JSON.stringify({ code, message: "no" }), { status, headers });
  });
  vi.stubGlobal("fetch", fetch);
  const client = createQueryClient();
  renderHook(() => useServerStatus(), {
    wrapper: ({ children }: { children: ReactNode }) => (
      <QueryClientProvider client={client}>{children}</QueryClientProvider>
    ),
  });
  return () => fetch.mock.calls.length;
}

const seconds = (count: number) => act(() => vi.advanceTimersByTimeAsync(count * 1000));

describe("a refused query", () => {
  beforeEach(() => void vi.useFakeTimers());
  afterEach(() => {
    cleanup();
    vi.useRealTimers();
    vi.unstubAllGlobals();
  });

  it("is asked again twice if the server has no room, when it says and then later", async () => {
    const asked = ask(503, "unavailable");
    await seconds(4);
    expect(asked()).toBe(1);
    await seconds(2);
    expect(asked()).toBe(2);
    await seconds(8);
    expect(asked()).toBe(2);
    await seconds(60);
    expect(asked()).toBe(3);
  });

  it.each([
    [422, "resource_exhausted"],
    [504, "deadline_exceeded"],
    [500, "internal"],
  ])("is not asked again after %i", async (status, code) => {
    const asked = ask(status, code);
    await seconds(60);
    expect(asked()).toBe(1);
  });
});
