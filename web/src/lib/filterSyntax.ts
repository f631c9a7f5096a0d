/**
 * The form of the filter language, which server/query/language/filter.h defines: the same words, trees, limits and places of
 * errors. Only whether a pattern is a regular expression is left to the server. The cases in tests/corpus/filters.json are passed by both parsers.
 */

export type FilterOperator = (typeof OPERATORS)[number];
const OPERATORS = [
  "=",
  "!=",
  "<",
  "<=",
  ">",
  ">=",
  "IN",
  "LIKE",
  "ILIKE",
  "CONTAINS",
  "EXISTS",
  "BETWEEN",
  "REGEXP",
] as const;

export type FilterValue = {
  readonly kind: "string" | "word" | "number" | "duration" | "bool";
  /** As written, but without quotes; "true" or "false" of a bool. */
  readonly text: string;
  /** Where it was read: characters (UTF-16 units) from the start of the filter. */
  readonly position?: number | undefined;
};

/** As what an attribute was sent: `field::number`. */
export type SentType = (typeof SENT_TYPES)[number];
const SENT_TYPES = ["string", "number", "bool"] as const;

export type FilterTest = {
  readonly kind: "test";
  /** Without its type; a plain word if it has one. */
  readonly field: string;
  readonly type?: SentType | undefined;
  readonly operator: FilterOperator;
  readonly values: readonly FilterValue[];
  readonly position?: number | undefined;
};

/** A filter, or a part of one. */
export type FilterNode =
  /** Everything: the empty filter. */
  | { readonly kind: "all"; readonly position?: number | undefined }
  /** Two children or more. */
  | {
      readonly kind: "and" | "or";
      readonly children: readonly FilterNode[];
      readonly position?: number | undefined;
    }
  | { readonly kind: "not"; readonly child: FilterNode; readonly position?: number | undefined }
  | FilterTest
  /** Full text. */
  | { readonly kind: "text"; readonly text: string; readonly position?: number | undefined };

const MAX_BYTES = 8192;
const MAX_DEPTH = 32;
const MAX_TESTS = 128;
const MAX_LIST_VALUES = 256;
const MAX_PATTERN_BYTES = 512;

/** What is wrong with a filter, and where: characters (UTF-16 units) from its start. */
export class FilterError extends Error {
  readonly position: number;

  constructor(position: number, message: string) {
    super(message);
    this.name = "FilterError";
    this.position = position;
  }
}

/** Throws a FilterError. */
export function parseFilter(text: string): FilterNode {
  if (bytesOf(text) > MAX_BYTES) {
    throw new FilterError(Math.min(text.length, MAX_BYTES), "The filter is too long");
  }
  return new Parser(text).parse();
}

function bytesOf(text: string): number {
  return new TextEncoder().encode(text).length;
}

/** The filter as text: `parseFilter` makes an equal tree of it. */
export function printFilter(node: FilterNode): string {
  switch (node.kind) {
    case "all":
      return "";
    case "or":
      return node.children.map((child) => inGroup(child, child.kind === "or")).join(" OR ");
    case "and":
      return node.children.map((child) => inGroup(child, isGroup(child))).join(" AND ");
    case "not":
      return node.child.kind === "test" && isWord(node.child.operator)
        ? printTest(node.child, "NOT ")
        : `NOT ${inGroup(node.child, isGroup(node.child))}`;
    case "test":
      return printTest(node, "");
    case "text":
      return quoted(node.text, "'");
  }
}

function isGroup({ kind }: FilterNode): boolean {
  return kind === "and" || kind === "or";
}

function inGroup(node: FilterNode, parentheses: boolean): string {
  return parentheses ? `(${printFilter(node)})` : printFilter(node);
}

/** Whether NOT may stand before the operator. */
function isWord(operator: FilterOperator): boolean {
  return /^[A-Z]/.test(operator);
}

function printTest({ field, type, operator, values }: FilterTest, negation: string): string {
  const name = type ? `${field}::${type}` : printField(field);
  const start = `${name} ${negation}${operator}`;
  if (operator === "EXISTS") return start;
  const printed = values.map(printValue);
  return operator === "IN"
    ? `${start} (${printed.join(", ")})`
    : `${start} ${printed.join(" AND ")}`;
}

function printField(name: string): string {
  const isField = isPlainWord(name) && !KEYWORDS.has(upper(name)) && !typedField(name).type;
  return isField ? name : quoted(name, "`");
}

function typedField(word: string): { field: string; type?: SentType | undefined } {
  const type = SENT_TYPES.find((one) => word.length > one.length + 2 && word.endsWith(`::${one}`));
  return type ? { field: word.slice(0, -type.length - 2), type } : { field: word };
}

function printValue({ kind, text }: FilterValue): string {
  return kind === "string" ? quoted(text, "'") : text;
}

function quoted(text: string, mark: "'" | "`"): string {
  return mark + text.replaceAll("\\", "\\\\").replaceAll(mark, `\\${mark}`) + mark;
}

const KEYWORDS: ReadonlySet<string> = new Set(["AND", "OR", "NOT", ...OPERATORS.filter(isWord)]);
/** What cannot begin a condition; NOT can. */
const JOINING: ReadonlySet<string> = new Set(["AND", "OR", "IN", "LIKE", "CONTAINS", "EXISTS"]);

type Token = {
  readonly kind:
    | "end"
    | "open"
    | "close"
    | "comma"
    | "operator"
    | "quoted"
    | "backtick"
    | "word"
    | "number"
    | "duration";
  readonly text: string;
  readonly position: number;
  /** Where the next token is looked for. */
  readonly end: number;
};

const WORD_START = "A-Za-z_@/\\u0080-\\uffff";
const WORD_PART = `${WORD_START}0-9.:$#*\\-`;
const WORD = new RegExp(`[${WORD_START}](?:[${WORD_PART}]|\\[\\d+\\])*`, "y");
const WORD_REST = new RegExp(`[${WORD_PART}]*`, "y");
const NUMBER = /\+?-?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?/y;
const COMPARISON = /==|!=|<>|<=|>=|[=<>]/y;
const SPACE = /[ \t\n\r]*/y;
const DURATION_UNIT = /^(?:ns|us|\u00b5s|\u03bcs|ms|s|m|min|h|d)$/;
const PUNCTUATION: Readonly<Record<string, Token["kind"]>> = {
  "(": "open",
  ")": "close",
  ",": "comma",
};

/** What `pattern` (sticky) matches at `at`; "" if it does not. */
function matchAt(pattern: RegExp, text: string, at: number): string {
  pattern.lastIndex = at;
  return pattern.exec(text)?.[0] ?? "";
}

function isPlainWord(text: string): boolean {
  return text !== "" && matchAt(WORD, text, 0) === text;
}

function tokenAt(text: string, from: number): Token {
  const position = from + matchAt(SPACE, text, from).length;
  const token = (kind: Token["kind"], written: string): Token => ({
    kind,
    text: written,
    position,
    end: position + written.length,
  });
  if (position === text.length) return token("end", "");
  const first = text.charAt(position);
  const punctuation = PUNCTUATION[first];
  if (punctuation) return token(punctuation, first);
  if (first === "'" || first === '"') return quotedAt(text, position, "quoted");
  if (first === "`") return quotedAt(text, position, "backtick");
  const comparison = matchAt(COMPARISON, text, position);
  if (comparison) return token("operator", comparison);
  const word = matchAt(WORD, text, position);
  if (word) return token("word", word);
  if (/[-+.0-9]/.test(first)) {
    const number = numberAt(text, position);
    if (number) return number;
  }
  throw new FilterError(position, `Unexpected '${first}'`);
}

function quotedAt(text: string, position: number, kind: Token["kind"]): Token {
  const mark = text.charAt(position);
  let read = "";
  let at = position + 1;
  while (at < text.length && text.charAt(at) !== mark) {
    if (text.charAt(at) === "\\" && at + 1 < text.length) at += 1;
    read += text.charAt(at);
    at += 1;
  }
  if (at === text.length) throw new FilterError(position, "The quote is not closed");
  return { kind, text: read, position, end: at + 1 };
}

/** A number, a duration, or a word that begins like a number (an id, a date, an address). */
function numberAt(text: string, position: number): Token | null {
  const written = matchAt(NUMBER, text, position);
  const number = isInRange(written) ? written : "";
  const after = position + Math.max(number.length, 1);
  const rest = matchAt(WORD_REST, text, after);
  const end = after + rest.length;
  if (number && !rest) return { kind: "number", text: withoutPlus(number), position, end };
  if (!number && !rest) return null;
  const kind = number && DURATION_UNIT.test(rest) ? "duration" : "word";
  return { kind, text: text.slice(position, end), position, end };
}

/** Whether a double holds it: neither infinite nor, without being zero, too close to it. */
function isInRange(number: string): boolean {
  const value = Number(withoutPlus(number));
  const isZero = !/[1-9]/.test(number.replace(/e.*/i, ""));
  return Number.isFinite(value) && (value !== 0 || isZero);
}

function withoutPlus(number: string): string {
  return number.replace(/^\+/, "");
}

/** In capitals, as far as key words go: no letter beyond ASCII becomes one of theirs. */
function upper(word: string): string {
  return word.replace(/[a-z]+/g, (letters) => letters.toUpperCase());
}

class Parser {
  readonly #text: string;
  #token: Token;
  #tests = 0;

  constructor(text: string) {
    this.#text = text;
    this.#token = tokenAt(text, 0);
  }

  parse(): FilterNode {
    if (this.#isKind("end")) return { kind: "all", position: 0 };
    const node = this.#or(0);
    if (!this.#isKind("end")) this.#fail("Expected AND, OR or the end");
    return node;
  }

  #fail(message: string, position = this.#token.position): never {
    throw new FilterError(position, message);
  }

  #advance(): Token {
    const token = this.#token;
    this.#token = tokenAt(this.#text, token.end);
    return token;
  }

  #isKind(...kinds: readonly Token["kind"][]): boolean {
    return kinds.includes(this.#token.kind);
  }

  #isAt(...keywords: readonly string[]): boolean {
    return this.#isKind("word") && keywords.includes(upper(this.#token.text));
  }

  #accept(keyword: string): boolean {
    if (!this.#isAt(keyword)) return false;
    this.#advance();
    return true;
  }

  /** Whether a condition may start here. */
  #isAtCondition(): boolean {
    return !this.#isKind("end", "close", "comma", "operator") && !this.#isAt("OR");
  }

  #or(depth: number): FilterNode {
    const first = this.#and(depth);
    if (!this.#isAt("OR")) return first;
    const children = [first];
    while (this.#accept("OR")) children.push(this.#and(depth));
    return { kind: "or", children, position: first.position };
  }

  #and(depth: number): FilterNode {
    const first = this.#unary(depth);
    if (!this.#isAtCondition()) return first;
    const children = [first];
    while (this.#isAtCondition()) {
      this.#accept("AND");
      children.push(this.#unary(depth));
    }
    return { kind: "and", children, position: first.position };
  }

  #unary(depth: number): FilterNode {
    if (depth >= MAX_DEPTH) this.#fail("The filter is nested too deeply");
    if (this.#isAt("NOT")) {
      const { position } = this.#advance();
      return { kind: "not", child: this.#unary(depth + 1), position };
    }
    if (!this.#isKind("open")) return this.#condition();
    this.#advance();
    const node = this.#or(depth + 1);
    if (!this.#isKind("close")) this.#fail("Expected ')'");
    this.#advance();
    return node;
  }

  #condition(): FilterNode {
    this.#tests += 1;
    if (this.#tests > MAX_TESTS) this.#fail("The filter has too many conditions");
    if (this.#isKind("quoted")) return this.#quotedText();
    if (this.#isKind("end")) this.#fail("Expected a condition");
    if (!this.#isKind("word", "backtick")) this.#fail("Expected a field");
    if (this.#isAt(...JOINING)) this.#fail("Expected a condition before the key word");
    const field = this.#advance();
    const test = this.#test(field);
    if (test) return test;
    if (field.kind === "backtick") this.#fail("Expected an operator after the field");
    if (this.#isAtCondition() && !this.#isAt("AND")) {
      this.#fail("Expected an operator, AND or OR; quotes make one text of several words");
    }
    return { kind: "text", text: field.text, position: field.position };
  }

  #quotedText(): FilterNode {
    const { text, position } = this.#advance();
    if (this.#isKind("operator")) this.#fail("Expected a field before it", position);
    if (text === "") this.#fail("The text to search for is empty", position);
    return { kind: "text", text, position };
  }

  /** The test after `field`, if there is one. */
  #test(field: Token): FilterNode | null {
    const { position } = field;
    if (this.#isKind("operator")) {
      const operator = comparison(this.#advance().text);
      return { kind: "test", ...nameOf(field), operator, values: [this.#value()], position };
    }
    if (!this.#isAt("NOT")) return this.#wordTest(field);
    // `a NOT LIKE b` is a test, `a NOT b` two texts: one more token decides.
    const not = this.#advance();
    const child = this.#wordTest(field);
    if (child) return { kind: "not", child, position };
    this.#token = not;
    return null;
  }

  #wordTest(field: Token): FilterTest | null {
    const operator = OPERATORS.find((name) => isWord(name) && this.#isAt(name));
    if (!operator) return null;
    this.#advance();
    const values = this.#valuesOf(operator);
    return { kind: "test", ...nameOf(field), operator, values, position: field.position };
  }

  #valuesOf(operator: FilterOperator): FilterValue[] {
    switch (operator) {
      case "EXISTS":
        return [];
      case "IN":
        return this.#list();
      case "BETWEEN":
        return this.#bounds();
      case "REGEXP":
        return [this.#pattern()];
      default:
        return [this.#value()];
    }
  }

  #bounds(): FilterValue[] {
    const least = this.#value();
    if (!this.#accept("AND")) this.#fail("Expected AND after the first value of BETWEEN");
    return [least, this.#value()];
  }

  #pattern(): FilterValue {
    const pattern = this.#value();
    if (bytesOf(pattern.text) > MAX_PATTERN_BYTES) {
      this.#fail("The pattern is too long", pattern.position);
    }
    return pattern;
  }

  #list(): FilterValue[] {
    if (!this.#isKind("open")) this.#fail("Expected '(' after IN");
    const values: FilterValue[] = [];
    do {
      this.#advance();
      if (values.length === MAX_LIST_VALUES) this.#fail("The list is too long");
      values.push(this.#value());
    } while (this.#isKind("comma"));
    if (!this.#isKind("close")) this.#fail("Expected ',' or ')' in the list");
    this.#advance();
    return values;
  }

  #value(): FilterValue {
    const { kind, text, position } = this.#token;
    if (this.#isAt("TRUE", "FALSE")) {
      this.#advance();
      return { kind: "bool", text: text.toLowerCase(), position };
    }
    if (kind !== "quoted" && kind !== "word" && kind !== "number" && kind !== "duration") {
      this.#fail("Expected a value");
    }
    this.#advance();
    return { kind: kind === "quoted" ? "string" : kind, text, position };
  }
}

function nameOf({ kind, text }: Token): { field: string; type?: SentType | undefined } {
  return kind === "backtick" ? { field: text } : typedField(text);
}

function comparison(written: string): FilterOperator {
  if (written === "==") return "=";
  if (written === "<>") return "!=";
  return written as FilterOperator;
}
