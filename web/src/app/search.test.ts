import { describe, expect, it } from "vitest";
import { parseSearch, pick, stringifySearch } from "./search";

describe("search parameters", () => {
  it("keep every digit of a nanosecond time", () => {
    const search = { start: "1763820000123456789", end: "1763820000123456790" };
    expect(parseSearch(stringifySearch(search))).toEqual(search);
  });

  it("survive filter expressions", () => {
    const search = { q: "service.name = 'a&b' AND url.path LIKE '/x?%' OR a >= 1" };
    expect(parseSearch(stringifySearch(search))).toEqual(search);
  });

  it("drop what is empty or unknown", () => {
    expect(stringifySearch({ q: "", start: undefined })).toBe("");
    expect(pick("q")({ q: "x", other: "y" })).toEqual({ q: "x" });
  });
});
