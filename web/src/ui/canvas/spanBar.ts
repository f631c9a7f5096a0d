/** One span as a bar; x positions are CSS pixels and may lie outside the canvas. */
export type SpanBar = {
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
  readonly color: string;
  /** Parts drawn in full colour; the rest is paler. */
  readonly strong: readonly (readonly [from: number, to: number])[];
  /** Parts that are underlined. */
  readonly underlined: readonly (readonly [from: number, to: number])[];
};

const MIN_WIDTH = 2;
const PALE = 0.38;

/** Draws a bar, clipped to [0, limit]. Shared by the waterfall and the flame graph. */
export function drawSpanBar(
  context: CanvasRenderingContext2D,
  bar: SpanBar,
  limit: number,
  underline: string,
): void {
  const left = Math.max(-4, bar.x);
  const right = Math.min(limit + 4, Math.max(bar.x + bar.width, bar.x + MIN_WIDTH));
  if (right < 0 || left > limit) return;

  context.fillStyle = bar.color;
  context.globalAlpha = bar.strong.length > 0 ? PALE : 1;
  context.beginPath();
  context.roundRect(left, bar.y, right - left, bar.height, Math.min(2, (right - left) / 2));
  context.fill();

  context.globalAlpha = 1;
  for (const [from, to] of bar.strong) {
    const a = Math.max(left, from);
    const b = Math.min(right, Math.max(to, from + 0.75));
    if (b > a) context.fillRect(a, bar.y, b - a, bar.height);
  }

  context.fillStyle = underline;
  for (const [from, to] of bar.underlined) {
    const a = Math.max(left, from);
    const b = Math.min(right, to);
    if (b - a >= 0.5) context.fillRect(a, bar.y + bar.height + 1, b - a, 1.5);
  }
}

/** `text` cut with an ellipsis to fit into `width`; empty if not even one letter fits. */
export function fitText(context: CanvasRenderingContext2D, text: string, width: number): string {
  if (width < 14) return "";
  if (context.measureText(text).width <= width) return text;
  let low = 0;
  let high = text.length;
  while (low < high) {
    const middle = (low + high + 1) >> 1;
    if (context.measureText(`${text.slice(0, middle)}…`).width <= width) low = middle;
    else high = middle - 1;
  }
  return low > 0 ? `${text.slice(0, low)}…` : "";
}
