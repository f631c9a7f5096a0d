import { cleanup, fireEvent, render, screen } from "@testing-library/react";
import { afterEach, describe, expect, it, vi } from "vitest";
import { type Bindings, useKeys } from "./keys";

function Bound({ bindings }: { bindings: Bindings }) {
  useKeys(bindings);
  return <input aria-label="field" />;
}

const press = (key: string) => fireEvent.keyDown(document.body, { key });

describe("useKeys", () => {
  afterEach(cleanup);

  it("takes a sequence before the single key that ends it, also of another component", () => {
    const sequence = vi.fn();
    const single = vi.fn();
    render(
      <>
        <Bound bindings={{ t: single }} />
        <Bound bindings={{ "g t": sequence }} />
      </>,
    );
    press("g");
    press("t");
    expect(sequence).toHaveBeenCalledTimes(1);
    expect(single).not.toHaveBeenCalled();
    press("t");
    expect(single).toHaveBeenCalledTimes(1);
  });

  it("stays silent while someone types", () => {
    const slash = vi.fn();
    render(<Bound bindings={{ "/": slash }} />);
    fireEvent.keyDown(screen.getByLabelText("field"), { key: "/" });
    expect(slash).not.toHaveBeenCalled();
  });

  it("asks the next component when a handler has no use for the key", () => {
    const second = vi.fn();
    render(
      <>
        <Bound bindings={{ Escape: () => false }} />
        <Bound bindings={{ Escape: second }} />
      </>,
    );
    press("Escape");
    expect(second).toHaveBeenCalledTimes(1);
  });
});
