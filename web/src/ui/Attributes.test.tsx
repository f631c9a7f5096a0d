import { cleanup, fireEvent, render, screen } from "@testing-library/react";
import { afterEach, describe, expect, it, vi } from "vitest";
import type { Attribute } from "@/api/client";
import { Attributes } from "./Attributes";

function filterFor(attribute: Attribute, prefix = ""): string {
  const filter = vi.fn();
  render(
    <Attributes label="Attributes" attributes={[attribute]} prefix={prefix} onFilter={filter} />,
  );
  fireEvent.click(screen.getByRole("button", { name: `Filter for ${attribute.key}` }));
  return String(filter.mock.calls[0]?.[0]);
}

describe("Attributes", () => {
  afterEach(cleanup);

  it("filters by a value of its own type", () => {
    expect(filterFor({ key: "http.response.status_code", type: "int", value: "422" })).toBe(
      "http.response.status_code = 422",
    );
    cleanup();
    expect(filterFor({ key: "host.name", type: "string", value: "box" }, "resource.")).toBe(
      "resource.host.name = 'box'",
    );
  });

  it("keeps a 64-bit integer exact", () => {
    expect(filterFor({ key: "id", type: "int", value: "9007199254740993" })).toBe(
      "id = '9007199254740993'",
    );
  });

  it("says what the sender dropped", () => {
    render(<Attributes label="Attributes" attributes={[]} dropped={3} />);
    expect(screen.getByText("3 more were dropped by the sender.")).toBeTruthy();
  });
});
