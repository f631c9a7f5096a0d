import type { Schemas } from "@/api/client";

export type Service = Schemas["ServiceSummary"];

export const COLUMNS = ["name", "p50", "p99", "apdex", "errors", "rate"] as const;
export type Column = (typeof COLUMNS)[number];
export type Sort = { readonly column: Column; readonly descending: boolean };

/** The order in the URL: "-p99"; null is the server's order, worst first. */
export function parseSort(text: string | undefined): Sort | null {
  const descending = text?.startsWith("-") ?? false;
  const column = COLUMNS.find((name) => name === text?.replace(/^-/, ""));
  return column ? { column, descending } : null;
}

export function writeSort({ column, descending }: Sort): string {
  return descending ? `-${column}` : column;
}

/** A click on a column: largest first (names: first letter first), then the other way round. */
export function nextSort(current: Sort | null, column: Column): Sort {
  if (current?.column === column) return { column, descending: !current.descending };
  return { column, descending: column !== "name" };
}

function value(service: Service, column: Exclude<Column, "name">): number {
  switch (column) {
    case "p50":
      return service.p50_ns ?? -1;
    case "p99":
      return service.p99_ns ?? -1;
    case "apdex":
      return service.apdex ?? -1;
    case "errors":
      return service.error_rate;
    case "rate":
      return service.requests_per_second;
  }
}

export function sortServices(services: readonly Service[], sort: Sort | null): Service[] {
  const sorted = [...services];
  if (!sort) return sorted;
  const { column } = sort;
  const sign = sort.descending ? -1 : 1;
  return sorted.sort((a, b) => {
    const byValue = column === "name" ? 0 : (value(a, column) - value(b, column)) * sign;
    return byValue || a.name.localeCompare(b.name) * (column === "name" ? sign : 1);
  });
}
