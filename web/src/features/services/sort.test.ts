import { describe, expect, it } from "vitest";
import { nextSort, parseSort, type Service, sortServices, writeSort } from "./sort";

function service(name: string, p99: number | null, errorRate: number): Service {
  return {
    name,
    span_count: 1,
    error_count: 0,
    error_rate: errorRate,
    requests_per_second: 1,
    p50_ns: p99,
    p90_ns: p99,
    p99_ns: p99,
    apdex: 1,
    apdex_error: 0,
    log_count: 0,
    metric_count: 0,
    last_seen: "0",
    sparklines: { requests: [], errors: [], p99_ns: [] },
  };
}

const names = (services: readonly Service[]) => services.map(({ name }) => name);

describe("sortServices", () => {
  const services = [service("b", 5, 0.5), service("a", 9, 0), service("c", null, 0.5)];

  it("keeps the server's order when none is chosen", () => {
    expect(names(sortServices(services, null))).toEqual(["b", "a", "c"]);
  });

  it("puts services without durations below all others", () => {
    expect(names(sortServices(services, { column: "p99", descending: true }))).toEqual([
      "a",
      "b",
      "c",
    ]);
  });

  it("breaks ties by name, in either direction", () => {
    expect(names(sortServices(services, { column: "errors", descending: true }))).toEqual([
      "b",
      "c",
      "a",
    ]);
  });
});

describe("nextSort", () => {
  it("starts with the largest value and turns round on a second click", () => {
    const first = nextSort(null, "p99");
    expect(writeSort(first)).toBe("-p99");
    expect(writeSort(nextSort(first, "p99"))).toBe("p99");
    expect(writeSort(nextSort(first, "name"))).toBe("name");
  });
});

describe("parseSort", () => {
  it("ignores what is not a column", () => {
    expect(parseSort("-p99")).toEqual({ column: "p99", descending: true });
    expect(parseSort("-toString")).toBeNull();
    expect(parseSort(undefined)).toBeNull();
  });
});
