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

  it("adds a second value beside the first", () => {
    const change = vi.fn();
    const kind = {
      field: "kind",
      label: "Kind",
      values: [
        { value: "server", count: 3 },
        { value: "client", count: 2 },
      ],
    };
    render(<Facets facets={[kind]} q="kind = 'server'" onChange={change} />);
    fireEvent.click(screen.getByRole("button", { name: /^client/ }));
    expect(change).toHaveBeenLastCalledWith("kind IN ('server', 'client')");
  });

  it("shows every value that is chosen, be it rare or not there at all", () => {
    const values = Array.from({ length: 10 }, (_, i) => ({ value: `/${i}`, count: 20 - i }));
    const facet = { field: "attribute.http.route", label: "HTTP route", values };
    render(
      <Facets
        facets={[facet]}
        q="http.route IN ('/9', '/gone') AND http.route != '/8'"
        onChange={() => {}}
      />,
    );
    const rows = screen.getAllByRole("button", { name: /^\// });
    expect(rows.map(({ textContent }) => textContent)).toEqual([
      ...values.map(({ value, count }) => `${value}${count}`),
      "/gone",
    ]);
    const pressed = screen.getAllByRole("button", { name: /^\//, pressed: true });
    expect(pressed.map(({ title }) => title)).toEqual(["/9", "/gone"]);
  });

  it("filters a value out", () => {
    const change = vi.fn();
    render(<Facets facets={facets} q="" onChange={change} />);
    fireEvent.click(screen.getByRole("button", { name: "Filter out demo" }));
    expect(change).toHaveBeenLastCalledWith("service.name != 'demo'");
  });

  it("lets a value in again that was filtered out", () => {
    const change = vi.fn();
    render(<Facets facets={facets} q="service.name != 'demo'" onChange={change} />);
    const ruledOut = screen.getByRole("button", { name: "Filter out demo", pressed: true });
    expect(screen.getByRole("button", { name: /^demo/ }).ariaPressed).not.toBe("true");
    fireEvent.click(ruledOut);
    expect(change).toHaveBeenLastCalledWith("");
  });
});
