import { cleanup, fireEvent, render, screen } from "@testing-library/react";
import { afterEach, describe, expect, it, vi } from "vitest";
import type { Attribute } from "@/api/client";
import { Attributes } from "./Attributes";

function filterFor(attribute: Attribute, place: { prefix?: "resource." } = {}): string {
  const filter = vi.fn();
  render(<Attributes label="Attributes" attributes={[attribute]} {...place} onFilter={filter} />);
  fireEvent.click(screen.getByRole("button", { name: `Filter for ${attribute.key}` }));
  return String(filter.mock.calls[0]?.[0]);
}

describe("Attributes", () => {
  afterEach(cleanup);

  it("filters by a value of its own type", () => {
    expect(filterFor({ key: "http.response.status_code", type: "int", value: "422" })).toBe(
      "attribute.http.response.status_code = 422",
    );
    cleanup();
    expect(
      filterFor({ key: "host.name", type: "string", value: "box" }, { prefix: "resource." }),
    ).toBe("resource.host.name = 'box'");
  });

  it("means the attribute, whatever else has its name, and quotes a name that is no word", () => {
    expect(filterFor({ key: "kind", type: "string", value: "x" })).toBe("attribute.kind = 'x'");
    cleanup();
    expect(filterFor({ key: "cache hit", type: "bool", value: "true" })).toBe(
      "`attribute.cache hit` = true",
    );
  });

  it("keeps a 64-bit integer exact", () => {
    expect(filterFor({ key: "id", type: "int", value: "9007199254740993" })).toBe(
      "attribute.id = '9007199254740993'",
    );
  });

  it("says what the sender dropped", () => {
    render(<Attributes label="Attributes" attributes={[]} dropped={3} />);
    expect(screen.getByText("3 more were dropped by the sender.")).toBeTruthy();
  });
});
