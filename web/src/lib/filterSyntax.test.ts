import { describe, expect, it } from "vitest";
import filters from "../../../tests/corpus/filters.json";
import {
  FilterError,
  type FilterNode,
  type FilterOperator,
  type FilterValue,
  parseFilter,
  printFilter,
} from "./filterSyntax";

type Case = { filter: string; tree?: unknown; error_at?: number };

/** Of the server's parser too: server/query/language/filter_cases_test.cc. */
const cases: readonly Case[] = filters;

/** The tree as the cases have it. */
function outline(node: FilterNode): unknown {
  switch (node.kind) {
    case "all":
      return ["all"];
    case "and":
    case "or":
      return [node.kind, ...node.children.map(outline)];
    case "not":
      return ["not", outline(node.child)];
    case "test":
      return [
        node.operator,
        node.field,
        ...(node.type ? [{ type: node.type }] : []),
        ...node.values.map(({ kind, text }) => ({ [kind]: text })),
      ];
    case "text":
      return ["text", node.text];
  }
}

function faultOf(filter: string): FilterError {
  try {
    parseFilter(filter);
  } catch (error) {
    if (error instanceof FilterError) return error;
    throw error;
  }
  throw new Error(`${filter} was not refused`);
}

/** The server counts bytes. */
function bytesBefore(text: string, position: number): number {
  return new TextEncoder().encode(text.slice(0, position)).length;
}

describe("parseFilter", () => {
  it.each(cases)("reads $filter as the server does", ({ filter, tree, error_at }) => {
    if (error_at === undefined) expect(outline(parseFilter(filter))).toEqual(tree);
    else expect(bytesBefore(filter, faultOf(filter).position)).toBe(error_at);
  });

  it("knows where everything stands", () => {
    expect(parseFilter("'x' OR NOT (a IN (1, 'é') OR c = 2)")).toEqual({
      kind: "or",
      position: 0,
      children: [
        { kind: "text", text: "x", position: 0 },
        {
          kind: "not",
          position: 7,
          child: {
            kind: "or",
            position: 12,
            children: [
              {
                kind: "test",
                field: "a",
                operator: "IN",
                values: [
                  { kind: "number", text: "1", position: 18 },
                  { kind: "string", text: "é", position: 21 },
                ],
                position: 12,
              },
              {
                kind: "test",
                field: "c",
                operator: "=",
                values: [{ kind: "number", text: "2", position: 33 }],
                position: 29,
              },
            ],
          },
        },
      ],
    });
  });

  it("refuses what is too long or has too much in it", () => {
    const tests = Array.from({ length: 128 }, () => "a = 1").join(" ");
    expect(() => parseFilter(tests)).not.toThrow();
    expect(faultOf(`${tests} a = 1`).position).toBe(tests.length + 1);
    const list = `a IN (${Array.from({ length: 256 }, () => "1").join(",")}`;
    expect(() => parseFilter(`${list})`)).not.toThrow();
    expect(faultOf(`${list},1)`).position).toBe(list.length + 1);
    expect(() => parseFilter("é".repeat(4096))).not.toThrow();
    expect(faultOf("é".repeat(4097)).message).toMatch(/long/);
  });
});

describe("printFilter", () => {
  it("quotes what is no plain word and keeps the precedence", () => {
    const printed = (filter: string) => printFilter(parseFilter(filter));
    expect(printed("`my key`==1 or `In` exists")).toBe("`my key` = 1 OR `In` EXISTS");
    expect(printed("(`a`=1 or b=2)and not(c='it\\'s'and d<>\"x\")")).toBe(
      "(a = 1 OR b = 2) AND NOT (c = 'it\\'s' AND d != 'x')",
    );
    expect(printed("NOT a IN (1,b) timeout")).toBe("a NOT IN (1, b) AND 'timeout'");
    expect(printed("not a between 1 and 2 b regexp '\\\\d'")).toBe(
      "a NOT BETWEEN 1 AND 2 AND b REGEXP '\\\\d'",
    );
  });

  it("prints what was read such that it is read alike", () => {
    for (const { filter, tree } of cases) {
      if (tree) expect(outline(parseFilter(printFilter(parseFilter(filter))))).toEqual(tree);
    }
  });

  it("prints any tree such that it is read back", () => {
    const seed = Math.floor(Math.random() * 2 ** 32);
    const random = new RandomFilters(seed);
    for (let i = 0; i < 2000; i += 1) {
      const tree = random.node(3);
      const printed = printFilter(tree);
      expect(outline(parseFilter(printed)), `seed ${seed}: ${printed}`).toEqual(outline(tree));
    }
  });
});

/** From the least to the most; of operators that are not named here one. */
const NUMBERS_OF_VALUES: Partial<Record<FilterOperator, readonly [number, number]>> = {
  EXISTS: [0, 0],
  IN: [1, 5],
  BETWEEN: [2, 2],
};

/** Well-formed trees, the same for the same seed. */
class RandomFilters {
  #state: number;

  constructor(seed: number) {
    this.#state = seed;
  }

  node(depth: number): FilterNode {
    switch (depth === 0 ? this.#below(3) : this.#below(6)) {
      case 0:
        return { kind: "text", text: this.#text(1) };
      case 1:
      case 2:
        return this.#test();
      case 3:
        return { kind: "not", child: this.node(depth - 1) };
      case 4:
        return { kind: "and", children: this.#some(2, 4, () => this.node(depth - 1)) };
      default:
        return { kind: "or", children: this.#some(2, 4, () => this.node(depth - 1)) };
    }
  }

  #test(): FilterNode {
    const operator = this.#pick<FilterOperator>([
      "=",
      "!=",
      "<",
      ">=",
      "IN",
      "LIKE",
      "EXISTS",
      "BETWEEN",
      "REGEXP",
    ]);
    const [least, most] = NUMBERS_OF_VALUES[operator] ?? [1, 1];
    const values = this.#some(least, most, () => this.#value());
    const field = this.#pick(["name", "resource.x", "and", "Not", "5xx", "a::bool", this.#text(0)]);
    const type =
      field === "name" ? this.#pick([undefined, "number", "string"] as const) : undefined;
    return { kind: "test", field, type, operator, values };
  }

  #value(): FilterValue {
    return this.#pick<FilterValue>([
      { kind: "string", text: this.#text(0) },
      { kind: "word", text: this.#pick(["error", "and", "10.0.0.1", "/a:b"]) },
      { kind: "number", text: this.#pick(["0", "-1.5e+3", "9007199254740993"]) },
      { kind: "duration", text: this.#pick(["100ms", "1.5h", "3µs"]) },
      { kind: "bool", text: this.#pick(["true", "false"]) },
    ]);
  }

  #text(least: number): string {
    const parts = ["a", "'", '"', "`", "\\", " ", "(", "é", "🙂", "\n", " AND ", "=", "%"];
    return this.#some(least, 6, () => this.#pick(parts)).join("");
  }

  #some<T>(least: number, most: number, make: () => T): T[] {
    return Array.from({ length: least + this.#below(most - least + 1) }, make);
  }

  #pick<T>(choices: readonly T[]): T {
    return choices[this.#below(choices.length)] as T;
  }

  /** From 0 to less than `limit`: Marsaglia's xorshift. */
  #below(limit: number): number {
    this.#state ^= this.#state << 13;
    this.#state ^= this.#state >>> 17;
    this.#state ^= this.#state << 5;
    return (this.#state >>> 0) % limit;
  }
}
