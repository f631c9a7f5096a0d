declare const brand: unique symbol;

/** 32 lowercase hex digits. */
export type TraceId = string & { readonly [brand]: "TraceId" };
/** 16 lowercase hex digits. */
export type SpanId = string & { readonly [brand]: "SpanId" };

/** The id in canonical form, or null if `text` is not a trace id. */
export function parseTraceId(text: string): TraceId | null {
  const id = text.trim().toLowerCase();
  return /^[0-9a-f]{32}$/.test(id) && !/^0+$/.test(id) ? (id as TraceId) : null;
}

/** The id in canonical form, or null if `text` is not a span id. */
export function parseSpanId(text: string): SpanId | null {
  const id = text.trim().toLowerCase();
  return /^[0-9a-f]{16}$/.test(id) && !/^0+$/.test(id) ? (id as SpanId) : null;
}
