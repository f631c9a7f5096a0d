import { describe, expect, it } from "vitest";
import { offsetTicks } from "./ticks";

describe("offsetTicks", () => {
  it("are round and inside the range", () => {
    expect(offsetTicks(0, 100, 5)).toEqual([0, 20, 40, 60, 80, 100]);
    expect(offsetTicks(33, 61, 4)).toEqual([40, 50, 60]);
  });

  it("are none for an empty range", () => {
    expect(offsetTicks(5, 5, 4)).toEqual([]);
  });
});
