import type { Facet } from "@/api/client";
import { addTerm, condition, hasTerm, removeTerm } from "@/lib/filter";
import { formatCount } from "@/lib/format";
import { IconButton } from "./controls";
import { FilterOutIcon } from "./icons";

type Props = {
  facets: readonly Facet[];
  q: string;
  onChange: (q: string) => void;
};

const SHOWN = 8;

/** Values with counts; a click filters for one, the button beside it filters it out. */
export function Facets({ facets, q, onChange }: Props) {
  return (
    <aside
      aria-label="Facets"
      className="w-[208px] shrink-0 overflow-y-auto border-line border-r py-1"
    >
      {facets
        .filter(({ values }) => values.length > 0)
        .map((facet) => (
          <details key={facet.field} open className="group/facet pb-1">
            <summary
              title={facet.field}
              className="flex h-6 cursor-pointer list-none items-center px-3 text-[11px] text-faint hover:text-fg"
            >
              {facet.label}
            </summary>
            <ul aria-label={facet.label}>
              {facet.values.slice(0, SHOWN).map(({ value, count }) => (
                <FacetRow
                  key={value}
                  field={facet.field}
                  value={value}
                  count={count}
                  q={q}
                  onChange={onChange}
                />
              ))}
            </ul>
          </details>
        ))}
    </aside>
  );
}

function FacetRow({
  field,
  value,
  count,
  q,
  onChange,
}: {
  field: string;
  value: string;
  count: number;
  q: string;
  onChange: (q: string) => void;
}) {
  const term = condition(field, "=", value);
  const active = hasTerm(q, term);
  return (
    <li className="group relative">
      <button
        type="button"
        aria-pressed={active}
        title={value || "(empty)"}
        onClick={() => onChange(active ? removeTerm(q, term) : addTerm(q, term))}
        className={`flex h-6 w-full items-center gap-2 px-3 text-left ${
          active ? "bg-accent-soft text-accent" : "hover:bg-hover"
        }`}
      >
        <span className="min-w-0 grow truncate">{value || "(empty)"}</span>
        <span className="shrink-0 text-[12px] text-faint group-hover:invisible">
          {formatCount(count)}
        </span>
      </button>
      <IconButton
        label={`Filter out ${value}`}
        onClick={() => onChange(addTerm(removeTerm(q, term), condition(field, "!=", value)))}
        className="absolute top-0 right-2 opacity-0 focus-visible:opacity-100 group-hover:opacity-100"
      >
        <FilterOutIcon className="size-3.5" />
      </IconButton>
    </li>
  );
}
