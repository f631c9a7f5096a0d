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
  const added = conjuncts(parseFilter(term));
  return join([...terms, ...added.filter((one) => !terms.some((other) => isEqual(one, other)))]);
}

/** The values of a field that an expression asks for, and those that it rules out. */
export type Choices = { readonly chosen: readonly string[]; readonly ruledOut: readonly string[] };

export function choicesOf(expression: string, field: string): Choices {
  const choices = (termsOf(expression) ?? []).flatMap((term) => choiceIn(term, field) ?? []);
  const valuesOf = (ruledOut: boolean) =>
    choices
      .filter((choice) => choice.ruledOut === ruledOut)
      .flatMap(({ values }) => values.map(({ text }) => text));
  return { chosen: valuesOf(false), ruledOut: valuesOf(true) };
}

/** Asks for one more value of the field, or for one less if it was asked for. */
export function toggleChosen(expression: string, field: string, value: string): string {
  return toggle(expression, field, value, false);
}

/** Rules one more value of the field out, or lets it in again. */
export function toggleRuledOut(expression: string, field: string, value: string): string {
  return toggle(expression, field, value, true);
}

function toggle(expression: string, field: string, value: string, ruledOut: boolean): string {
  const added: Choice = { field, values: [literal(value)], ruledOut };
  const terms = termsOf(expression);
  if (terms === null) return addTerm(expression, printFilter(termOf(added)));
  const choices = choicesOf(expression, field);
  const isOn = (ruledOut ? choices.ruledOut : choices.chosen).includes(value);
  const rest = terms.flatMap((term) => {
    const choice = choiceIn(term, field);
    const values = choice?.values.filter(({ text }) => text !== value) ?? [];
    if (!choice || values.length === choice.values.length) return [term];
    return values.length > 0 ? [termOf({ ...choice, values })] : [];
  });
  if (isOn) return join(rest);
  const joined = rest.findIndex((term) => choiceIn(term, field)?.ruledOut === ruledOut);
  if (joined < 0) return join([...rest, termOf(added)]);
  return join(
    rest.map((term, index) => {
      const choice = index === joined ? choiceIn(term, field) : null;
      return choice ? termOf({ ...choice, values: [...choice.values, ...added.values] }) : term;
    }),
  );
}

/** `expression` with another field wherever it names `from`. */
export function renameField(expression: string, from: string, to: string): string {
  return printFilter(renamed(parseFilter(expression), from, to));
}

function renamed(node: FilterNode, from: string, to: string): FilterNode {
  switch (node.kind) {
    case "and":
    case "or":
      return { ...node, children: node.children.map((child) => renamed(child, from, to)) };
    case "not":
      return { ...node, child: renamed(node.child, from, to) };
    case "test":
      return node.field === from ? { ...node, field: to } : node;
    default:
      return node;
  }
}

/** A term that asks for some values of a field or rules them out. */
type Choice = {
  readonly field: string;
  readonly values: readonly FilterValue[];
  readonly ruledOut: boolean;
};

/** What the server takes for a choice among a facet's values (server/query/fields/facets.cc). */
function choiceIn(term: FilterNode, field: string): Choice | null {
  if (term.kind === "not") {
    const choice = choiceIn(term.child, field);
    return choice && { ...choice, ruledOut: !choice.ruledOut };
  }
  if (term.kind !== "test" || term.type) return null;
  const isOfField = term.field === field || `attribute.${term.field}` === field;
  const isChoice = term.operator === "=" || term.operator === "!=" || term.operator === "IN";
  if (!isOfField || !isChoice) return null;
  return { field: term.field, values: term.values, ruledOut: term.operator === "!=" };
}

function termOf({ field, values, ruledOut }: Choice): FilterNode {
  if (values.length === 1) return { kind: "test", field, operator: ruledOut ? "!=" : "=", values };
  const test: FilterNode = { kind: "test", field, operator: "IN", values };
  return ruledOut ? { kind: "not", child: test } : test;
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

/** Equal trees are printed alike, and others are not. */
function isEqual(a: FilterNode, b: FilterNode): boolean {
  return printFilter(a) === printFilter(b);
}
