type Props = {
  values: readonly (number | null)[];
  /** The top of the scale; the same for all rows of a column. */
  max: number;
  label: string;
  tone?: "neutral" | "error";
};

const WIDTH = 96;
const HEIGHT = 20;

/** A small line on a shared scale; a null is a gap. */
export function Sparkline({ values, max, label, tone = "neutral" }: Props) {
  const step = values.length > 1 ? WIDTH / (values.length - 1) : WIDTH;
  const scale = max > 0 ? (HEIGHT - 3) / max : 0;
  let path = "";
  let area = "";
  let runStart = -1;

  values.forEach((value, i) => {
    if (value === null) {
      runStart = -1;
      return;
    }
    const x = (i * step).toFixed(1);
    const y = (HEIGHT - 1 - value * scale).toFixed(1);
    const alone = runStart === -1 && (values[i + 1] ?? null) === null;
    path += runStart === -1 ? `M${x} ${y}` : `L${x} ${y}`;
    if (alone) path += "h1";
    area += `M${x} ${HEIGHT}V${y}`;
    runStart = runStart === -1 ? i : runStart;
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
      <path d={path} stroke={color} strokeWidth={1.3} fill="none" strokeLinejoin="round" />
    </svg>
  );
}
