type Tab<T extends string> = { id: T; label: string; count?: number | undefined };

type Props<T extends string> = {
  label: string;
  tabs: readonly Tab<T>[];
  active: T;
  onChange: (id: T) => void;
};

/** A row of tabs; arrow keys move between them. */
export function Tabs<T extends string>({ label, tabs, active, onChange }: Props<T>) {
  function step(by: number): void {
    const at = tabs.findIndex(({ id }) => id === active);
    const next = tabs[(at + by + tabs.length) % tabs.length];
    if (next) onChange(next.id);
  }
  return (
    <div
      role="tablist"
      aria-label={label}
      className="flex h-8 shrink-0 gap-4 border-line border-b px-3"
      onKeyDown={(event) => {
        if (event.key === "ArrowRight") step(1);
        else if (event.key === "ArrowLeft") step(-1);
        else return;
        event.preventDefault();
      }}
    >
      {tabs.map(({ id, label: text, count }) => (
        <button
          key={id}
          type="button"
          role="tab"
          id={`tab-${id}`}
          aria-selected={id === active}
          tabIndex={id === active ? 0 : -1}
          onClick={() => onChange(id)}
          className={`-mb-px flex items-center gap-1.5 border-b-2 ${
            id === active ? "border-accent text-fg" : "border-transparent text-muted hover:text-fg"
          }`}
        >
          {text}
          {count === undefined ? null : <span className="text-[11px] text-faint">{count}</span>}
        </button>
      ))}
    </div>
  );
}
