import { describe, expect, it } from "vitest";
import { addTerm, condition, hasTerm, removeTerm } from "./filter";

describe("condition", () => {
  it("quotes strings and leaves numbers and booleans bare", () => {
    expect(condition("service.name", "=", "demo")).toBe("service.name = 'demo'");
    expect(condition("http.response.status_code", ">=", 400)).toBe(
      "http.response.status_code >= 400",
    );
    expect(condition("cache.hit", "=", true)).toBe("cache.hit = true");
    expect(condition("path", "!=", "it's a \\ path")).toBe("path != 'it\\'s a \\\\ path'");
  });

  it("puts a field that is no plain word into backticks", () => {
    expect(condition("cache hit", "=", 1)).toBe("`cache hit` = 1");
    expect(condition("attribute.a`b", "=", 1)).toBe("`attribute.a\\`b` = 1");
    expect(condition("exists", "=", 1)).toBe("`exists` = 1");
  });
});

describe("addTerm", () => {
  it("joins with AND and does not repeat a term, however it is written", () => {
    expect(addTerm("", "a = 1")).toBe("a = 1");
    expect(addTerm("a = 1", "b = 2")).toBe("a = 1 AND b = 2");
    expect(addTerm("a = 1 AND b = 2", "b = 2")).toBe("a = 1 AND b = 2");
    expect(addTerm("a=1 b==2", "b = 2")).toBe("a = 1 AND b = 2");
  });

  it("keeps the meaning of an OR", () => {
    expect(addTerm("a = 1 OR b = 2", "c = 3")).toBe("(a = 1 OR b = 2) AND c = 3");
    expect(addTerm("a = 1 OR(b = 2)", "c = 3")).toBe("(a = 1 OR b = 2) AND c = 3");
    expect(addTerm("(a = 1)or(b = 2)", "c = 3")).toBe("(a = 1 OR b = 2) AND c = 3");
    expect(addTerm("a = ' OR '", "c = 3")).toBe("a = ' OR ' AND c = 3");
    expect(addTerm("`x OR y` = 1", "c = 3")).toBe("`x OR y` = 1 AND c = 3");
    expect(addTerm("NOT (a = 1 OR b = 2)", "c = 3")).toBe("NOT (a = 1 OR b = 2) AND c = 3");
  });

  it("keeps what cannot be read", () => {
    expect(addTerm("a = ", "b = 2")).toBe("a = AND b = 2");
  });
});

describe("removeTerm", () => {
  it("removes what hasTerm sees", () => {
    const expression = "a = 1 and(b='x OR y')AND c = 3";
    expect(hasTerm(expression, "b = 'x OR y'")).toBe(true);
    expect(removeTerm(expression, "b = 'x OR y'")).toBe("a = 1 AND c = 3");
    expect(removeTerm("a = 1", "a = 1")).toBe("");
  });

  it("leaves an OR alone, and what cannot be read", () => {
    expect(hasTerm("a = 1 OR b = 2", "a = 1")).toBe(false);
    expect(removeTerm("a = 1 OR b = 2", "a = 1")).toBe("a = 1 OR b = 2");
    expect(hasTerm("a = 1 AND", "a = 1")).toBe(false);
    expect(removeTerm("a = 1 AND", "a = 1")).toBe("a = 1 AND");
  });
});
