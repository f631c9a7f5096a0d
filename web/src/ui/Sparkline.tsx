type Props = {
  values: readonly (number | null)[];
  /** The top of the scale; the same for all rows of a column. */
  max: number;
  label: string;
  tone?: "neutral" | "error";
};

const WIDTH = 96;
const HEIGHT = 20;
/** Room at the edges, so that no line is cut in half. */
const INSET = 2;

/** A small line on a shared scale. A null is a gap, a value between two gaps a dot. */
export function Sparkline({ values, max, label, tone = "neutral" }: Props) {
  const step = values.length > 1 ? (WIDTH - 2 * INSET) / (values.length - 1) : 0;
  const scale = max > 0 ? (HEIGHT - 2 * INSET) / max : 0;
  let line = "";
  let dots = "";
  let area = "";

  values.forEach((value, i) => {
    if (value === null) return;
    const x = (INSET + i * step).toFixed(1);
    const y = (HEIGHT - INSET - value * scale).toFixed(1);
    const follows = i > 0 && values[i - 1] !== null;
    const leads = i + 1 < values.length && values[i + 1] !== null;
    if (follows || leads) line += `${follows ? "L" : "M"}${x} ${y}`;
    else dots += `M${x} ${y}h0`;
    area += `M${x} ${HEIGHT}V${y}`;
  });

  const some = values.some((value) => value !== null && value > 0);
  const color = !some
    ? "var(--border-strong)"
    : tone === "error"
      ? "var(--error)"
      : "var(--bar-strong)";
  return (
    <svg
      role="img"
      aria-label={label}
      viewBox={`0 0 ${WIDTH} ${HEIGHT}`}
      width={WIDTH}
      height={HEIGHT}
      className="block"
    >
      <title>{label}</title>
      <path d={area} stroke={color} strokeOpacity={0.18} strokeWidth={step} fill="none" />
      <path d={line} stroke={color} strokeWidth={1.3} fill="none" strokeLinejoin="round" />
      <path d={dots} stroke={color} strokeWidth={3} fill="none" strokeLinecap="round" />
    </svg>
  );
}
