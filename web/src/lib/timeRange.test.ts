import { describe, expect, it } from "vitest";
import { absoluteSearch, parseLength, parseTimeRange, resolve, widerPreset } from "./timeRange";

describe("parseTimeRange", () => {
  it("keeps absolute times exact to the nanosecond through the URL", () => {
    const interval = { start: 1_700_000_000_123_456_789n, end: 1_700_000_001_000_000_001n };
    expect(parseTimeRange(absoluteSearch(interval))).toEqual({ kind: "absolute", ...interval });
  });

  it("reads a relative range", () => {
    expect(parseTimeRange({ range: "3h" })).toMatchObject({ kind: "relative", text: "3h" });
  });

  it.each([{ range: "soon" }, { start: "5", end: "4" }, { start: "1.5", end: "4" }, {}])(
    "falls back to the last 15 minutes for %o",
    (search) => {
      expect(parseTimeRange(search)).toMatchObject({ kind: "relative", text: "15m" });
    },
  );
});

describe("parseLength", () => {
  it("rejects zero and unknown units", () => {
    expect(parseLength("0m")).toBeNull();
    expect(parseLength("3w")).toBeNull();
    expect(parseLength("90s")).toBe(90_000_000_000n);
  });
});

describe("resolve", () => {
  it("counts a relative range back from now and leaves an absolute one alone", () => {
    expect(resolve(parseTimeRange({ range: "1m" }), 100_000_000_000n)).toEqual({
      start: 40_000_000_000n,
      end: 100_000_000_000n,
    });
    expect(resolve(parseTimeRange({ start: "1", end: "2" }), 9n)).toEqual({ start: 1n, end: 2n });
  });
});

describe("widerPreset", () => {
  it("offers the next longer range, and none beyond the longest", () => {
    expect(widerPreset({ start: 0n, end: 900_000_000_000n })?.text).toBe("30m");
    expect(widerPreset({ start: 0n, end: 9_000_000_000_000_000n })).toBeNull();
  });
});
