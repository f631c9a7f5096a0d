import { describe, expect, it } from "vitest";
import { colorIndex, SERVICE_COLORS } from "./color";

describe("colorIndex", () => {
  it("is stable and inside the palette", () => {
    expect(colorIndex("checkout")).toBe(colorIndex("checkout"));
    for (let i = 0; i < 500; i += 1) {
      expect(colorIndex(`service-${i}`)).toBeGreaterThanOrEqual(0);
      expect(colorIndex(`service-${i}`)).toBeLessThan(SERVICE_COLORS);
    }
  });

  it("uses the whole palette evenly", () => {
    const counts = new Array<number>(SERVICE_COLORS).fill(0);
    for (let i = 0; i < 1200; i += 1) {
      const index = colorIndex(`service-${i}`);
      counts[index] = (counts[index] ?? 0) + 1;
    }
    expect(Math.min(...counts)).toBeGreaterThan(50);
  });
});
