import { describe, expect, it } from "vitest";
import { nextLook, nextLookForAbsent } from "./growth";
import { nanosFromMillis } from "./nanos";

const END_MS = 1_700_000_000_000;
const END = nanosFromMillis(END_MS);
const lookedAfter = (seconds: number, size = 10) =>
  nextLook(END, { dataUpdatedAt: END_MS + seconds * 1000, errorUpdatedAt: 0 }, size);

describe("nextLook", () => {
  it("is soon while the last span is fresh, then ever later, and some minutes on never", () => {
    expect([1, 8, 40, 240].map((seconds) => lookedAfter(seconds))).toEqual([
      2_000, 2_000, 10_000, 60_000,
    ]);
    expect(lookedAfter(301)).toBe(false);
  });

  it("comes later for what is large", () => {
    expect(lookedAfter(1, 50_000)).toBe(25_000);
  });

  it("backs off and ends for spans from a clock that is ahead, too", () => {
    expect(lookedAfter(-60)).toBe(15_000);
    expect(lookedAfter(-3600)).toBe(false);
  });

  it("counts from the last failure as from an answer", () => {
    const looks = { dataUpdatedAt: END_MS, errorUpdatedAt: END_MS + 400_000 };
    expect(nextLook(END, looks, 10)).toBe(false);
  });
});

describe("nextLookForAbsent", () => {
  it("is twice as late each time, for some minutes", () => {
    expect([1, 2, 3, 6, 7].map(nextLookForAbsent)).toEqual([2_000, 4_000, 8_000, 64_000, false]);
  });
});
