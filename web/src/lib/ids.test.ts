import { describe, expect, it } from "vitest";
import { parseSpanId, parseTraceId } from "./ids";

describe("parseTraceId", () => {
  it("accepts 32 hex digits in any case and returns them lowercase", () => {
    expect(parseTraceId(" 4BF92F3577B34DA6A3CE929D0E0E4736 ")).toBe(
      "4bf92f3577b34da6a3ce929d0e0e4736",
    );
  });

  it("rejects the all-zero id and anything of another length", () => {
    expect(parseTraceId("0".repeat(32))).toBeNull();
    expect(parseTraceId("4bf92f3577b34da6")).toBeNull();
    expect(parseTraceId("")).toBeNull();
  });
});

describe("parseSpanId", () => {
  it("accepts 16 hex digits and rejects the all-zero id", () => {
    expect(parseSpanId("00F067AA0BA902B7")).toBe("00f067aa0ba902b7");
    expect(parseSpanId("0".repeat(16))).toBeNull();
  });
});
