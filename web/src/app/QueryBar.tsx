import { useEffect, useId, useRef, useState } from "react";
import { ApiError, type Schemas } from "@/api/client";
import { renameField } from "@/lib/filter";
import { IconButton } from "@/ui/controls";
import { CloseIcon, SearchIcon, WarnIcon } from "@/ui/icons";
import { useKeys } from "./keys";

export type QueryBarProps = {
  label: string;
  placeholder: string;
  value: string;
  onSubmit: (value: string) => void;
  /** Apply while typing instead of on Enter: for filters that cost nothing. */
  immediate?: boolean;
  /** The error of the last request; shown here if it is about the expression. */
  error?: unknown;
  /** What may be wrong with an expression that was answered. */
  warnings?: Schemas["Warnings"] | undefined;
};

/** One line for the filter expression. Enter applies, Escape takes back what was typed. */
export function QueryBar({
  label,
  placeholder,
  value,
  onSubmit,
  immediate = false,
  error,
  warnings = [],
}: QueryBarProps) {
  const [text, setText] = useState(value);
  const input = useRef<HTMLInputElement>(null);
  const errorId = useId();

  useEffect(() => setText(value), [value]);

  useKeys({
    "/": () => {
      input.current?.focus();
      input.current?.select();
    },
  });

  const fault = error instanceof ApiError && isAboutQuery(error) ? error : null;
  const dirty = text !== value;

  return (
    <search className="relative min-w-0 grow">
      <form
        onSubmit={(event) => {
          event.preventDefault();
          onSubmit(text.trim());
          input.current?.blur();
        }}
        className={`flex h-7 items-center gap-1.5 rounded-md border bg-sunken pl-2 ${
          fault ? "border-error" : "border-line-strong focus-within:border-accent"
        }`}
      >
        <SearchIcon className="size-3.5 shrink-0 text-faint" />
        <input
          ref={input}
          type="text"
          aria-label={label}
          aria-invalid={fault !== null}
          {...(fault ? { "aria-describedby": errorId } : {})}
          placeholder={placeholder}
          value={text}
          spellCheck={false}
          autoComplete="off"
          onChange={(event) => {
            setText(event.target.value);
            if (immediate) onSubmit(event.target.value);
          }}
          onKeyDown={(event) => {
            if (event.key !== "Escape") return;
            event.stopPropagation();
            setText(value);
            event.currentTarget.blur();
          }}
          className="h-full min-w-0 grow bg-transparent font-mono text-[12px] outline-none placeholder:font-sans placeholder:text-faint"
        />
        {dirty && !immediate ? (
          <kbd className="shrink-0 rounded-sm border border-line-strong px-1 text-[11px] text-faint">
            Enter
          </kbd>
        ) : null}
        {text ? (
          <IconButton
            label="Clear the query"
            onClick={() => {
              setText("");
              onSubmit("");
            }}
          >
            <CloseIcon className="size-3.5" />
          </IconButton>
        ) : null}
        {!text && !fault ? (
          <kbd className="mr-1.5 shrink-0 rounded-sm border border-line px-1 font-mono text-[11px] text-faint">
            /
          </kbd>
        ) : null}
      </form>
      {fault ? <QueryFault id={errorId} error={fault} expression={value} /> : null}
      {fault
        ? null
        : warnings.map((warning) => (
            <FieldWarning
              key={warning.field}
              warning={warning}
              onRename={(field) => onSubmit(renameField(value, warning.field, field))}
            />
          ))}
    </search>
  );
}

function FieldWarning({
  warning,
  onRename,
}: {
  warning: Schemas["Warnings"][number];
  onRename: (field: string) => void;
}) {
  return (
    <div role="status" className="mt-1 flex flex-wrap items-center gap-x-1.5 text-warn">
      <WarnIcon className="size-3.5 shrink-0" />
      <span>
        There is no attribute <span className="font-mono text-[12px]">{warning.field}</span> in this
        time range.
      </span>
      {warning.suggestions.length > 0 ? <span className="text-muted">Did you mean</span> : null}
      {warning.suggestions.map((field) => (
        <button
          key={field}
          type="button"
          onClick={() => onRename(field)}
          className="font-mono text-[12px] text-accent hover:underline"
        >
          {field}
        </button>
      ))}
    </div>
  );
}

/** Whether the query bar is the place to show this error. */
export function isAboutQuery(error: unknown): boolean {
  return error instanceof ApiError && (error.parameter === "q" || error.position !== null);
}

function QueryFault({
  id,
  error,
  expression,
}: {
  id: string;
  error: ApiError;
  expression: string;
}) {
  const at = error.position === null ? null : characterIndex(expression, error.position);
  return (
    <div
      id={id}
      role="alert"
      className="absolute top-full left-0 z-30 mt-1 max-w-full rounded-md border border-error/50 bg-raised px-3 py-2 shadow-pop"
    >
      {at === null ? null : (
        <pre className="overflow-x-auto font-mono text-[12px] leading-4">
          {expression.slice(0, at)}
          <mark className="bg-error-soft text-error underline decoration-wavy">
            {expression.slice(at, at + 1) || "␣"}
          </mark>
          {expression.slice(at + 1)}
        </pre>
      )}
      <div className="text-error">{error.message}</div>
      {error.hint ? <div className="text-muted">{error.hint}</div> : null}
    </div>
  );
}

/** The server counts bytes of UTF-8, the browser UTF-16 units. */
function characterIndex(text: string, byte: number): number {
  const bytes = new TextEncoder().encode(text).slice(0, byte);
  return new TextDecoder().decode(bytes).length;
}
