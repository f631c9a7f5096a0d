import { QueryClientProvider, useQuery } from "@tanstack/react-query";
import { act, cleanup, renderHook } from "@testing-library/react";
import type { ReactNode } from "react";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { createQueryClient } from "@/api/queries";
import { useAnchor } from "./clock";
import { useLive } from "./useLive";

/** A view that asks anew whenever "now" moves; answers come when the test says so. */
function showLiveView(streamed = false) {
  const client = createQueryClient();
  const asked: { answer: () => void; fail: () => void; signal: AbortSignal }[] = [];
  renderHook(
    () => {
      useLive(true, streamed);
      useQuery({
        queryKey: [useAnchor().toString()],
        queryFn: ({ signal }) =>
          new Promise<string>((resolve, reject) => {
            asked.push({
              answer: () => resolve("rows"),
              fail: () => reject(new Error("broken")),
              signal,
            });
          }),
      });
    },
    {
      wrapper: ({ children }: { children: ReactNode }) => (
        <QueryClientProvider client={client}>{children}</QueryClientProvider>
      ),
    },
  );
  return asked;
}

const seconds = (count: number) => act(() => vi.advanceTimersByTimeAsync(count * 1000));

describe("useLive", () => {
  beforeEach(() => void vi.useFakeTimers());
  afterEach(() => {
    cleanup();
    vi.useRealTimers();
  });

  it("asks again every three seconds when answers come soon", async () => {
    const asked = showLiveView();
    asked[0]?.answer();
    await seconds(3.1);
    expect(asked).toHaveLength(2);
    asked[1]?.answer();
    await seconds(3);
    expect(asked).toHaveLength(3);
  });

  it("waits for an answer that takes longer, instead of aborting what was asked", async () => {
    const asked = showLiveView();
    await seconds(20);
    expect(asked).toHaveLength(1);
    expect(asked[0]?.signal.aborted).toBe(false);
    asked[0]?.answer();
    await seconds(3);
    expect(asked).toHaveLength(2);
  });

  it("asks again less often while rows are streamed, but soon at first", async () => {
    const asked = showLiveView(true);
    asked[0]?.answer();
    await seconds(3.1);
    expect(asked).toHaveLength(2);
    asked[1]?.answer();
    await seconds(9.8);
    expect(asked).toHaveLength(2);
    await seconds(0.2);
    expect(asked).toHaveLength(3);
  });

  it("goes on after a failure", async () => {
    const asked = showLiveView();
    await seconds(10);
    asked[0]?.fail();
    await seconds(3);
    expect(asked).toHaveLength(2);
  });
});
