import { describe, expect, it } from "vitest";
import { addTerm, condition, hasTerm, quote, removeTerm, splitConjunction } from "./filter";

describe("quote", () => {
  it("escapes quotes and backslashes", () => {
    expect(quote("it's a \\ path")).toBe("'it\\'s a \\\\ path'");
  });
});

describe("condition", () => {
  it("quotes strings and leaves numbers and booleans bare", () => {
    expect(condition("service.name", "=", "demo")).toBe("service.name = 'demo'");
    expect(condition("http.response.status_code", ">=", 400)).toBe(
      "http.response.status_code >= 400",
    );
    expect(condition("cache.hit", "=", true)).toBe("cache.hit = true");
  });
});

describe("splitConjunction", () => {
  it("does not split inside quotes or parentheses", () => {
    expect(splitConjunction("a = 'x AND y' AND (b = 1 AND c = 2) and d = 3")).toEqual([
      "a = 'x AND y'",
      "(b = 1 AND c = 2)",
      "d = 3",
    ]);
  });

  it("does not split words that contain and", () => {
    expect(splitConjunction("brand = 'a'   AND\tandroid EXISTS")).toEqual([
      "brand = 'a'",
      "android EXISTS",
    ]);
  });
});

describe("addTerm", () => {
  it("joins with AND and does not repeat a term", () => {
    expect(addTerm("", "a = 1")).toBe("a = 1");
    expect(addTerm("a = 1", "b = 2")).toBe("a = 1 AND b = 2");
    expect(addTerm("a = 1 AND b = 2", "b = 2")).toBe("a = 1 AND b = 2");
  });

  it("keeps the meaning of a top-level OR", () => {
    expect(addTerm("a = 1 OR b = 2", "c = 3")).toBe("(a = 1 OR b = 2) AND c = 3");
  });
});

describe("removeTerm", () => {
  it("removes what hasTerm sees", () => {
    const expression = "a = 1 AND b = 'x OR y' AND c = 3";
    expect(hasTerm(expression, "b = 'x OR y'")).toBe(true);
    expect(removeTerm(expression, "b = 'x OR y'")).toBe("a = 1 AND c = 3");
  });

  it("leaves an OR alone", () => {
    expect(removeTerm("a = 1 OR b = 2", "a = 1")).toBe("a = 1 OR b = 2");
  });
});
