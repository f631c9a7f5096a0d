import { describe, expect, it } from "vitest";
import { addTerm, choicesOf, condition, renameField, toggleChosen, toggleRuledOut } from "./filter";

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

describe("toggleChosen", () => {
  it("asks for one value, for several, and for one less", () => {
    const one = toggleChosen("duration > 1s", "kind", "server");
    expect(one).toBe("duration > 1s AND kind = 'server'");
    const two = toggleChosen(`${one} AND 'x'`, "kind", "client");
    expect(two).toBe("duration > 1s AND kind IN ('server', 'client') AND 'x'");
    expect(toggleChosen(two, "kind", "server")).toBe("duration > 1s AND kind = 'client' AND 'x'");
    expect(toggleChosen(one, "kind", "server")).toBe("duration > 1s");
  });

  it("goes on with what was typed, however it was", () => {
    expect(toggleChosen("kind=server", "kind", "client")).toBe("kind IN (server, 'client')");
    expect(toggleChosen("a = 1 AND (b = 2 AND kind in (server))", "kind", "server")).toBe(
      "a = 1 AND b = 2",
    );
    expect(toggleChosen("http.route = '/a'", "attribute.http.route", "/b")).toBe(
      "http.route IN ('/a', '/b')",
    );
    expect(toggleChosen("n = 7", "attribute.n", "7")).toBe("");
  });

  it("asks for what was ruled out", () => {
    expect(toggleChosen("kind != 'server'", "kind", "server")).toBe("kind = 'server'");
  });

  it("leaves other terms alone: an OR, a pattern, another field, what cannot be read", () => {
    expect(toggleChosen("kind = 'a' OR b = 2", "kind", "a")).toBe(
      "(kind = 'a' OR b = 2) AND kind = 'a'",
    );
    expect(toggleChosen("name LIKE 'a%'", "name", "ab")).toBe("name LIKE 'a%' AND name = 'ab'");
    expect(toggleChosen("attribute.kind = 'a'", "kind", "a")).toBe(
      "attribute.kind = 'a' AND kind = 'a'",
    );
    expect(toggleChosen("kind = ", "kind", "a")).toBe("kind = AND kind = 'a'");
  });
});

describe("toggleRuledOut", () => {
  it("rules one value out, several, and lets one in again", () => {
    const one = toggleRuledOut("", "kind", "server");
    expect(one).toBe("kind != 'server'");
    const two = toggleRuledOut(one, "kind", "client");
    expect(two).toBe("kind NOT IN ('server', 'client')");
    expect(toggleRuledOut(two, "kind", "server")).toBe("kind != 'client'");
    expect(toggleRuledOut("NOT kind = server", "kind", "server")).toBe("");
  });

  it("rules out what was asked for", () => {
    expect(toggleRuledOut("kind = 'server' AND a = 1", "kind", "server")).toBe(
      "a = 1 AND kind != 'server'",
    );
  });
});

describe("choicesOf", () => {
  it("tells the values that are asked for and those that are ruled out", () => {
    expect(choicesOf("kind IN (server, 'client') AND NOT kind = internal", "kind")).toEqual({
      chosen: ["server", "client"],
      ruledOut: ["internal"],
    });
    expect(choicesOf("kind = server OR a = 1", "kind")).toEqual({ chosen: [], ruledOut: [] });
    expect(choicesOf("kind = ", "kind")).toEqual({ chosen: [], ruledOut: [] });
  });
});

describe("renameField", () => {
  it("renames the field wherever it stands, and nothing else", () => {
    expect(renameField("a = 1 AND (NOT a EXISTS OR b = a)", "a", "my key")).toBe(
      "`my key` = 1 AND (`my key` NOT EXISTS OR b = a)",
    );
  });
});
