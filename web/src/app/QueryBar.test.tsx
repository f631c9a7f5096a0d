import { cleanup, fireEvent, render, screen } from "@testing-library/react";
import { afterEach, describe, expect, it, vi } from "vitest";
import { QueryBar } from "./QueryBar";

const warning = {
  message: "There is no attribute 'servce.name' in this time range. Did you mean 'service.name'?",
  field: "servce.name",
  position: 0,
  suggestions: ["service.name", "scope.name"],
};

afterEach(cleanup);

describe("QueryBar", () => {
  it("tells of a field that no record has, and puts a like one in its place", () => {
    const submit = vi.fn();
    render(
      <QueryBar
        label="Filter"
        placeholder=""
        value="servce.name = 'shop' AND name = 'x'"
        onSubmit={submit}
        warnings={[warning]}
      />,
    );

    expect(screen.getByRole("status").textContent).toContain("no attribute servce.name");
    fireEvent.click(screen.getByRole("button", { name: "service.name" }));
    expect(submit).toHaveBeenCalledWith("service.name = 'shop' AND name = 'x'");
  });

  it("says nothing where all fields are known", () => {
    render(<QueryBar label="Filter" placeholder="" value="" onSubmit={() => {}} />);
    expect(screen.queryByRole("status")).toBeNull();
  });
});
