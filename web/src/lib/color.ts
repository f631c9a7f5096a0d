import { hash } from "./hash";

export const SERVICE_COLORS = 12;

/** The same service has the same colour on every page, today and tomorrow. */
export function colorIndex(name: string): number {
  // The high half is better mixed than the low bits.
  return (hash(name) >>> 16) % SERVICE_COLORS;
}

/** The CSS colour of a service; follows the theme. */
export function serviceColor(name: string): string {
  return `var(--service-${colorIndex(name)})`;
}

/** The CSS colour of the nth line of a chart. */
export function seriesColor(index: number): string {
  return `var(--service-${index % SERVICE_COLORS})`;
}
