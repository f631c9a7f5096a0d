import { cleanup, render } from "@testing-library/react";
import { afterEach, describe, expect, it } from "vitest";
import { Sparkline } from "./Sparkline";

function paths(values: readonly (number | null)[], max: number) {
  const { container } = render(<Sparkline values={values} max={max} label="p99" />);
  const [area, line, dots] = container.querySelectorAll("path");
  return {
    area: area?.getAttribute("d") ?? "",
    line: line?.getAttribute("d") ?? "",
    dots: dots?.getAttribute("d") ?? "",
  };
}

describe("Sparkline", () => {
  afterEach(cleanup);

  it("breaks the line at a gap", () => {
    const { line } = paths([1, 2, null, 3, 4], 4);
    expect(line.match(/M/g)).toHaveLength(2);
    expect(line.match(/L/g)).toHaveLength(2);
  });

  it("shows a value between two gaps as a dot", () => {
    const { line, dots } = paths([null, null, 3], 3);
    expect(line).toBe("");
    expect(dots).toBe("M94.0 2.0h0");
  });

  it("lies on the ground where the column's largest value is zero", () => {
    expect(paths([0, 0], 0).line).toBe("M2.0 18.0L94.0 18.0");
  });
});
