/** Edits of filter expressions, by their trees. */

import {
  FilterError,
  type FilterNode,
  type FilterValue,
  parseFilter,
  printFilter,
} from "./filterSyntax";

export type Comparison = "=" | "!=" | ">" | ">=" | "<" | "<=";

/** `field op 'value'`; numbers and booleans stay unquoted so that they compare as such. */
export function condition(
  field: string,
  operator: Comparison,
  value: string | number | boolean,
): string {
  return printFilter({ kind: "test", field, operator, values: [literal(value)] });
}

function literal(value: string | number | boolean): FilterValue {
  const text = String(value);
  if (typeof value === "string") return { kind: "string", text };
  return { kind: typeof value === "number" ? "number" : "bool", text };
}

/** `expression AND term`. One that cannot be read is kept, for the server to say what is wrong. */
export function addTerm(expression: string, term: string): string {
  const terms = termsOf(expression);
  if (terms === null) return `${expression.trim()} AND ${term}`;
  return join([...terms, ...conjuncts(parseFilter(term)).filter((added) => !has(terms, added))]);
}

export function hasTerm(expression: string, term: string): boolean {
  return has(termsOf(expression) ?? [], parseFilter(term));
}

export function removeTerm(expression: string, term: string): string {
  const terms = termsOf(expression);
  if (terms === null) return expression;
  const removed = parseFilter(term);
  return join(terms.filter((candidate) => !isEqual(candidate, removed)));
}

/** The terms that all have to hold; null if the expression cannot be read. */
function termsOf(expression: string): readonly FilterNode[] | null {
  try {
    return conjuncts(parseFilter(expression));
  } catch (error) {
    if (error instanceof FilterError) return null;
    throw error;
  }
}

function conjuncts(node: FilterNode): readonly FilterNode[] {
  if (node.kind === "all") return [];
  return node.kind === "and" ? node.children.flatMap(conjuncts) : [node];
}

function join(terms: readonly FilterNode[]): string {
  const [first] = terms;
  if (!first) return "";
  return printFilter(terms.length === 1 ? first : { kind: "and", children: terms });
}

function has(terms: readonly FilterNode[], term: FilterNode): boolean {
  return terms.some((candidate) => isEqual(candidate, term));
}

/** Equal trees are printed alike, and others are not. */
function isEqual(a: FilterNode, b: FilterNode): boolean {
  return printFilter(a) === printFilter(b);
}
