import type { Facet } from "@/api/client";
import { type Choices, choicesOf, toggleChosen, toggleRuledOut } from "@/lib/filter";
import { formatCount } from "@/lib/format";
import { IconButton } from "./controls";
import { FilterOutIcon } from "./icons";

type Props = {
  facets: readonly Facet[];
  q: string;
  onChange: (q: string) => void;
};

const SHOWN = 8;

/**
 * Values with counts. A click filters for a value, further ones for any of several; the button beside it filters it
 * out.
 */
export function Facets({ facets, q, onChange }: Props) {
  return (
    <aside
      aria-label="Facets"
      className="w-[208px] shrink-0 overflow-y-auto border-line border-r py-1"
    >
      {facets
        .filter(({ values }) => values.length > 0)
        .map((facet) => {
          const choices = choicesOf(q, facet.field);
          return (
            <details key={facet.field} open className="group/facet pb-1">
              <summary
                title={facet.field}
                className="flex h-6 cursor-pointer list-none items-center px-3 text-[11px] text-faint hover:text-fg"
              >
                {facet.label}
              </summary>
              <ul aria-label={facet.label}>
                {rowsOf(facet, choices).map(({ value, count }) => (
                  <FacetRow
                    key={value}
                    value={value}
                    count={count}
                    chosen={choices.chosen.includes(value)}
                    ruledOut={choices.ruledOut.includes(value)}
                    onChoose={() => onChange(toggleChosen(q, facet.field, value))}
                    onRuleOut={() => onChange(toggleRuledOut(q, facet.field, value))}
                  />
                ))}
              </ul>
            </details>
          );
        })}
    </aside>
  );
}

type Row = { readonly value: string; readonly count: number | null };

/** The most frequent values, and what is chosen beyond them: the filter is never without its row. */
function rowsOf({ values }: Facet, { chosen, ruledOut }: Choices): Row[] {
  const choices = [...new Set([...chosen, ...ruledOut])];
  const known = new Set(values.map(({ value }) => value));
  return [
    ...values.filter(({ value }, index) => index < SHOWN || choices.includes(value)),
    ...choices.filter((value) => !known.has(value)).map((value) => ({ value, count: null })),
  ];
}

type RowProps = Row & {
  chosen: boolean;
  ruledOut: boolean;
  onChoose: () => void;
  onRuleOut: () => void;
};

function FacetRow({ value, count, chosen, ruledOut, onChoose, onRuleOut }: RowProps) {
  const look = chosen
    ? "bg-accent-soft text-accent"
    : `hover:bg-hover ${ruledOut ? "pr-9 text-faint" : ""}`;
  return (
    <li className="group relative">
      <button
        type="button"
        aria-pressed={chosen}
        title={value || "(empty)"}
        onClick={onChoose}
        className={`flex h-6 w-full items-center gap-2 px-3 text-left ${look}`}
      >
        <span className={`min-w-0 grow truncate ${ruledOut ? "line-through" : ""}`}>
          {value || "(empty)"}
        </span>
        <span
          className={`shrink-0 text-[12px] text-faint ${ruledOut ? "" : "group-hover:invisible"}`}
        >
          {count === null ? null : formatCount(count)}
        </span>
      </button>
      <IconButton
        label={`Filter out ${value}`}
        aria-pressed={ruledOut}
        onClick={onRuleOut}
        className={`absolute top-0 right-2 ${
          ruledOut ? "text-fg" : "opacity-0 focus-visible:opacity-100 group-hover:opacity-100"
        }`}
      >
        <FilterOutIcon className="size-3.5" />
      </IconButton>
    </li>
  );
}
