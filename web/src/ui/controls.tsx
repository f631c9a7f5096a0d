import type { ButtonHTMLAttributes, ReactNode } from "react";

type ButtonProps = ButtonHTMLAttributes<HTMLButtonElement> & { pressed?: boolean };

const SHAPE =
  "inline-flex h-7 shrink-0 items-center gap-1.5 rounded-md border px-2.5 whitespace-nowrap " +
  "disabled:opacity-50";

export const BUTTON_CLASS = `${SHAPE} border-line-strong bg-raised text-fg hover:bg-hover`;

export function Button({ pressed, className = "", ...rest }: ButtonProps) {
  const look = pressed
    ? "border-accent/60 bg-accent-soft text-accent"
    : "border-line-strong bg-raised text-fg hover:bg-hover";
  return (
    <button
      type="button"
      {...(pressed === undefined ? {} : { "aria-pressed": pressed })}
      className={`${SHAPE} ${look} ${className}`}
      {...rest}
    />
  );
}

type IconButtonProps = ButtonHTMLAttributes<HTMLButtonElement> & { label: string };

/** A button that is only an icon; the label is its name and its tooltip. */
export function IconButton({ label, className = "", ...rest }: IconButtonProps) {
  return (
    <button
      type="button"
      aria-label={label}
      title={label}
      className={`inline-flex size-6 shrink-0 items-center justify-center rounded-sm text-faint hover:bg-hover hover:text-fg disabled:opacity-40 ${className}`}
      {...rest}
    />
  );
}

type SegmentsProps<T extends string> = {
  label: string;
  value: T;
  options: readonly { value: T; label: string; title?: string }[];
  onChange: (value: T) => void;
};

/** One of a few choices, all visible. */
export function Segments<T extends string>({ label, value, options, onChange }: SegmentsProps<T>) {
  return (
    <fieldset
      aria-label={label}
      className="inline-flex h-7 shrink-0 overflow-hidden rounded-md border border-line-strong"
    >
      {options.map((option) => (
        <button
          key={option.value}
          type="button"
          aria-pressed={option.value === value}
          title={option.title}
          onClick={() => onChange(option.value)}
          className={`border-line-strong border-r px-2.5 last:border-r-0 ${
            option.value === value
              ? "bg-accent-soft text-accent"
              : "bg-raised text-muted hover:bg-hover hover:text-fg"
          }`}
        >
          {option.label}
        </button>
      ))}
    </fieldset>
  );
}

type SelectProps = {
  label: string;
  value: string;
  onChange: (value: string) => void;
  children: ReactNode;
};

export function Select({ label, value, onChange, children }: SelectProps) {
  return (
    <label className="inline-flex items-center gap-1.5 text-muted">
      <span className="whitespace-nowrap">{label}</span>
      <select
        value={value}
        onChange={(event) => onChange(event.target.value)}
        className="h-7 max-w-64 rounded-md border border-line-strong bg-raised px-1.5 text-fg hover:bg-hover"
      >
        {children}
      </select>
    </label>
  );
}

/** The service's colour beside its name. */
export function ServiceDot({ color }: { color: string }) {
  return (
    <span
      aria-hidden="true"
      className="inline-block size-2 shrink-0 rounded-[2px]"
      style={{ background: color }}
    />
  );
}
