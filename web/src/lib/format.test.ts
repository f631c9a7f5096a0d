import { describe, expect, it } from "vitest";
import {
  formatBytes,
  formatClock,
  formatCount,
  formatDuration,
  formatMetricValue,
  formatPercent,
  formatRate,
} from "./format";

describe("formatDuration", () => {
  it.each([
    [0n, "0 ms"],
    [48n, "48 ns"],
    [48_000n, "48 µs"],
    [1_500n, "1.5 µs"],
    [312_400_000n, "312 ms"],
    [999_600_000n, "1 s"],
    [1_240_000_000n, "1.24 s"],
    [31_250_000_000n, "31.3 s"],
    [125_000_000_000n, "2 min 5 s"],
    [7_260_000_000_000n, "2 h 1 min"],
    [-3_000_000n, "−3 ms"],
  ])("writes %d as %s", (ns, text) => {
    expect(formatDuration(ns)).toBe(text);
  });
});

describe("formatCount", () => {
  it.each([
    [0, "0"],
    [999, "999"],
    [12_400, "12.4k"],
    [999_949, "1000k"],
    [999_950, "1M"],
    [3_140_000, "3.1M"],
    [2_000_000_000n, "2G"],
  ])("writes %d as %s", (count, text) => {
    expect(formatCount(count)).toBe(text);
  });
});

describe("formatPercent", () => {
  it("keeps small shares visible", () => {
    expect(formatPercent(0)).toBe("0%");
    expect(formatPercent(0.00001)).toBe("<0.01%");
    expect(formatPercent(0.0345)).toBe("3.45%");
    expect(formatPercent(1)).toBe("100%");
  });
});

describe("formatRate", () => {
  it("never rounds a positive rate to zero", () => {
    expect(formatRate(0.001)).toBe("<0.01");
    expect(formatRate(12.34)).toBe("12.3");
  });
});

describe("formatMetricValue", () => {
  it.each([
    [0.25, "s", "250 ms"],
    [3, "{request}", "3"],
    [12.5, "{request}/s", "12.5/s"],
    [1536, "By", "1.5 KiB"],
    [2, "Cel", "2 Cel"],
    [0.0012, "1", "0.0012"],
  ])("writes %d in %s as %s", (value, unit, text) => {
    expect(formatMetricValue(value, unit)).toBe(text);
  });
});

describe("formatBytes", () => {
  it("uses binary units", () => {
    expect(formatBytes(0)).toBe("0 B");
    expect(formatBytes(5 * 1024 * 1024)).toBe("5 MiB");
  });
});

describe("formatClock", () => {
  it("keeps nanoseconds that a Date would lose", () => {
    expect(formatClock(1_700_000_000_123_456_789n, 9)).toMatch(/:20\.123456789$/);
  });
});
