/** Helpers that edit a filter expression without understanding all of it. */

export type Comparison = "=" | "!=" | ">" | ">=" | "<" | "<=";

/** A string literal of the filter language. */
export function quote(value: string): string {
  return `'${value.replaceAll("\\", "\\\\").replaceAll("'", "\\'")}'`;
}

/** `field op 'value'`; numbers and booleans stay unquoted so that they compare as such. */
export function condition(
  field: string,
  operator: Comparison,
  value: string | number | boolean,
): string {
  const literal = typeof value === "string" ? quote(value) : String(value);
  return `${field} ${operator} ${literal}`;
}

/** The terms that a top-level AND joins; quotes and parentheses are respected. */
export function splitConjunction(expression: string): string[] {
  const terms: string[] = [];
  let depth = 0;
  let quoteMark = "";
  let from = 0;
  for (let i = 0; i < expression.length; i += 1) {
    const c = expression.charAt(i);
    if (quoteMark) {
      if (c === "\\") i += 1;
      else if (c === quoteMark) quoteMark = "";
    } else if (c === "'" || c === '"') quoteMark = c;
    else if (c === "(" || c === "[") depth += 1;
    else if (c === ")" || c === "]") depth -= 1;
    else if (depth === 0 && /^\s+and\s/i.test(expression.slice(i, i + 40)) && /\s/.test(c)) {
      const joint = /^\s+and\s+/i.exec(expression.slice(i))?.[0] ?? " ";
      terms.push(expression.slice(from, i).trim());
      i += joint.length - 1;
      from = i + 1;
    }
  }
  terms.push(expression.slice(from).trim());
  return terms.filter((term) => term !== "");
}

function hasTopLevelOr(expression: string): boolean {
  let depth = 0;
  let quoteMark = "";
  for (let i = 0; i < expression.length; i += 1) {
    const c = expression.charAt(i);
    if (quoteMark) {
      if (c === "\\") i += 1;
      else if (c === quoteMark) quoteMark = "";
    } else if (c === "'" || c === '"') quoteMark = c;
    else if (c === "(" || c === "[") depth += 1;
    else if (c === ")" || c === "]") depth -= 1;
    else if (depth === 0 && /^\sor\s/i.test(expression.slice(i, i + 4))) return true;
  }
  return false;
}

/** `expression AND term`; a top-level OR is put in parentheses first. */
export function addTerm(expression: string, term: string): string {
  const trimmed = expression.trim();
  if (trimmed === "" || hasTerm(trimmed, term)) return trimmed === "" ? term : trimmed;
  return `${hasTopLevelOr(trimmed) ? `(${trimmed})` : trimmed} AND ${term}`;
}

export function hasTerm(expression: string, term: string): boolean {
  return !hasTopLevelOr(expression) && splitConjunction(expression).includes(term);
}

export function removeTerm(expression: string, term: string): string {
  if (hasTopLevelOr(expression)) return expression;
  return splitConjunction(expression)
    .filter((candidate) => candidate !== term)
    .join(" AND ");
}
