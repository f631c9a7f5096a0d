import type { ReactNode } from "react";
import type { Attribute } from "@/api/client";
import { type Comparison, condition } from "@/lib/filter";
import { CopyButton } from "./CopyButton";
import { IconButton } from "./controls";
import { FilterInIcon, FilterOutIcon } from "./icons";

type Props = {
  label: string;
  attributes: readonly Attribute[];
  /** Put before the key in a filter: where the attributes stand, if not with the record itself. */
  prefix?: "attribute." | "resource.";
  dropped?: number;
  /** Called with a term of the filter language. */
  onFilter?: (term: string) => void;
};

/** Keys and values; each can be filtered for, filtered out and copied. */
export function Attributes({
  label,
  attributes,
  prefix = "attribute.",
  dropped = 0,
  onFilter,
}: Props) {
  if (attributes.length === 0 && dropped === 0) {
    return <p className="px-3 py-1 text-faint">None</p>;
  }
  const term = (attribute: Attribute, operator: Comparison) =>
    condition(prefix + attribute.key, operator, literal(attribute));
  return (
    <>
      <dl aria-label={label}>
        {attributes.map((attribute) => (
          <div
            key={attribute.key}
            className="group grid grid-cols-[minmax(110px,38%)_1fr] gap-3 px-3 py-0.5 hover:bg-hover"
          >
            <dt className="break-words text-muted" title={`${attribute.key} (${attribute.type})`}>
              {attribute.key}
            </dt>
            <dd className="relative min-w-0">
              <Value attribute={attribute} />
              <span className="absolute -top-0.5 right-0 flex rounded-sm bg-hover opacity-0 focus-within:opacity-100 group-hover:opacity-100">
                {onFilter && isScalar(attribute) ? (
                  <>
                    <IconButton
                      label={`Filter for ${attribute.key}`}
                      onClick={() => onFilter(term(attribute, "="))}
                    >
                      <FilterInIcon className="size-3.5" />
                    </IconButton>
                    <IconButton
                      label={`Filter out ${attribute.key}`}
                      onClick={() => onFilter(term(attribute, "!="))}
                    >
                      <FilterOutIcon className="size-3.5" />
                    </IconButton>
                  </>
                ) : null}
                <CopyButton text={attribute.value} label={`Copy ${attribute.key}`} />
              </span>
            </dd>
          </div>
        ))}
      </dl>
      {dropped > 0 ? (
        <p className="px-3 py-1 text-warn">{dropped} more were dropped by the sender.</p>
      ) : null}
    </>
  );
}

function isScalar({ type }: Attribute): boolean {
  return type === "string" || type === "int" || type === "double" || type === "bool";
}

function literal({ type, value }: Attribute): string | number | boolean {
  if (type === "bool") return value === "true";
  // A 64-bit integer beyond 2^53 stays text: as a number it would be another one.
  if (type === "int" && Number.isSafeInteger(Number(value))) return Number(value);
  if (type === "double" && Number.isFinite(Number(value))) return Number(value);
  return value;
}

function Value({ attribute: { type, value } }: { attribute: Attribute }): ReactNode {
  if (type === "empty") return <span className="text-faint">empty</span>;
  if (type === "string" && value === "") return <span className="text-faint">""</span>;
  const multiline = value.includes("\n");
  return (
    <span
      className={`block whitespace-pre-wrap break-words font-mono text-[12px] ${
        multiline ? "max-h-72 overflow-auto rounded-sm bg-sunken p-2 leading-[18px]" : ""
      }`}
    >
      {value}
    </span>
  );
}
