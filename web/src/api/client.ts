import createClient from "openapi-fetch";
import type { components, paths } from "./schema";

export type Schemas = components["schemas"];
export type Stats = Schemas["Stats"];
export type Attribute = Schemas["Attribute"];
export type Facet = Schemas["Facet"];
export type Severity = Schemas["Severity"];

type ErrorBody = Schemas["Error"];

/** What went wrong with a request, in words for the user. */
export class ApiError extends Error {
  readonly code: string;
  readonly status: number;
  /** The parameter at fault, if the server named one. */
  readonly parameter: string | null;
  /** Byte offset of the fault in the filter expression. */
  readonly position: number | null;
  readonly hint: string | null;
  /** When the same may succeed, if the server said so. */
  readonly retryAfterMs: number | null;

  constructor(status: number, body: Partial<ErrorBody>, retryAfter: string | null = null) {
    super(body.message ?? `The server answered with status ${status}.`);
    this.name = "ApiError";
    this.status = status;
    this.code = body.code ?? "internal";
    this.parameter = body.parameter ?? null;
    this.position = body.position ?? null;
    this.hint = body.hint ?? null;
    const seconds = retryAfter === null ? Number.NaN : Number(retryAfter);
    this.retryAfterMs = Number.isNaN(seconds) ? null : seconds * 1000;
  }
}

export function isNotFound(error: unknown): boolean {
  return error instanceof ApiError && error.status === 404;
}

export const api = createClient<paths>({
  baseUrl: window.location.origin,
  // Looked up at each call, so that a test may stand in for the server.
  fetch: (request) => globalThis.fetch(request),
});

type Answer<T> = { data?: T; error?: unknown; response: Response };

/** The data of an answer; throws ApiError for anything but success. */
export async function unwrap<T>(request: Promise<Answer<T>>): Promise<T> {
  let answer: Answer<T>;
  try {
    answer = await request;
  } catch (error) {
    if (error instanceof DOMException && error.name === "AbortError") throw error;
    throw new ApiError(0, {
      code: "unavailable",
      message: "The Signalbox server cannot be reached. Is it running?",
    });
  }
  if (answer.data !== undefined) return answer.data;
  const body = answer.error;
  throw new ApiError(
    answer.response.status,
    typeof body === "object" && body !== null ? (body as Partial<ErrorBody>) : {},
    answer.response.headers.get("retry-after"),
  );
}
