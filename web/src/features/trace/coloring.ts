import { seriesColor, serviceColor } from "@/lib/color";
import type { SpanNode } from "./model";

export type ColorBy = "service" | "status" | "kind";

export const COLOR_CHOICES: readonly { value: ColorBy; label: string }[] = [
  { value: "service", label: "Service" },
  { value: "status", label: "Status" },
  { value: "kind", label: "Kind" },
];

const KINDS = ["server", "client", "internal", "producer", "consumer"];

export function spanColor({ span, error }: SpanNode, by: ColorBy): string {
  switch (by) {
    case "service":
      return serviceColor(span.service_name);
    case "status":
      return error ? "var(--error)" : "var(--bar-strong)";
    case "kind":
      return seriesColor(Math.max(0, KINDS.indexOf(span.kind)));
  }
}
