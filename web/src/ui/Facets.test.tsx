import { cleanup, fireEvent, render, screen } from "@testing-library/react";
import { afterEach, describe, expect, it, vi } from "vitest";
import { Facets } from "./Facets";

const facets = [
  { field: "service.name", label: "Service", values: [{ value: "demo", count: 12_400 }] },
  { field: "kind", label: "Kind", values: [] },
];

describe("Facets", () => {
  afterEach(cleanup);

  it("shows counts and hides facets without values", () => {
    render(<Facets facets={facets} q="" onChange={() => {}} />);
    expect(screen.getByRole("button", { name: /^demo/ }).textContent).toContain("12.4k");
    expect(screen.queryByText("Kind")).toBeNull();
  });

  it("adds a value to the filter and takes it away again", () => {
    const change = vi.fn();
    const { rerender } = render(<Facets facets={facets} q="duration > 1s" onChange={change} />);
    fireEvent.click(screen.getByRole("button", { name: /^demo/ }));
    expect(change).toHaveBeenLastCalledWith("duration > 1s AND service.name = 'demo'");

    rerender(
      <Facets facets={facets} q="duration > 1s AND service.name = 'demo'" onChange={change} />,
    );
    const active = screen.getByRole("button", { name: /^demo/ });
    expect(active.getAttribute("aria-pressed")).toBe("true");
    fireEvent.click(active);
    expect(change).toHaveBeenLastCalledWith("duration > 1s");
  });

  it("filters a value out", () => {
    const change = vi.fn();
    render(<Facets facets={facets} q="" onChange={change} />);
    fireEvent.click(screen.getByRole("button", { name: "Filter out demo" }));
    expect(change).toHaveBeenLastCalledWith("service.name != 'demo'");
  });
});
