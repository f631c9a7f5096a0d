import { Link } from "@tanstack/react-router";
import type { ComponentType } from "react";
import { HelpIcon, LogsIcon, MetricsIcon, ServicesIcon, ThemeIcon, TracesIcon } from "@/ui/icons";
import { setTheme, type ThemeChoice, useTheme, useThemeChoice } from "./theme";
import { useTimeSearch } from "./useTime";

const PAGES: readonly {
  to: "/services" | "/traces" | "/logs" | "/metrics";
  label: string;
  key: string;
  Icon: ComponentType<{ className?: string }>;
}[] = [
  { to: "/services", label: "Services", key: "g s", Icon: ServicesIcon },
  { to: "/traces", label: "Traces", key: "g t", Icon: TracesIcon },
  { to: "/logs", label: "Logs", key: "g l", Icon: LogsIcon },
  { to: "/metrics", label: "Metrics", key: "g m", Icon: MetricsIcon },
];

const NEXT: Readonly<Record<ThemeChoice, ThemeChoice>> = {
  system: "light",
  light: "dark",
  dark: "system",
};

export function Rail({ onHelp }: { onHelp: () => void }) {
  const timeSearch = useTimeSearch();
  const choice = useThemeChoice();
  const theme = useTheme();

  return (
    <nav
      aria-label="Pages"
      className="flex w-[60px] shrink-0 flex-col items-center gap-0.5 border-line border-r bg-rail py-2"
    >
      <Link
        to="/services"
        search={timeSearch}
        aria-label="Signalbox"
        title="Signalbox"
        className="mb-2 flex size-9 items-center justify-center"
      >
        <svg viewBox="0 0 16 16" className="size-6" aria-hidden="true">
          <rect width="16" height="16" rx="4" fill="var(--accent)" />
          <path
            d="M3 5h7M5 8h8M4 11h5"
            stroke="var(--on-accent)"
            strokeWidth="1.7"
            strokeLinecap="round"
          />
        </svg>
      </Link>
      {PAGES.map(({ to, label, key, Icon }) => (
        <Link
          key={to}
          to={to}
          search={timeSearch}
          title={`${label} (${key})`}
          className="flex w-[52px] flex-col items-center gap-0.5 rounded-md py-1.5 text-[11px] text-muted leading-4 hover:bg-hover hover:text-fg"
          activeProps={{ className: "!text-accent bg-accent-soft", "aria-current": "page" }}
        >
          <Icon className="size-[18px]" />
          {label}
        </Link>
      ))}
      <span className="grow" />
      <button
        type="button"
        onClick={() => setTheme(NEXT[choice])}
        aria-label={`Theme: ${choice}`}
        title={`Theme: ${choice}${choice === "system" ? ` (${theme})` : ""}. Click for ${NEXT[choice]}.`}
        className="flex size-8 items-center justify-center rounded-md text-muted hover:bg-hover hover:text-fg"
      >
        <ThemeIcon className="size-[17px]" />
      </button>
      <button
        type="button"
        onClick={onHelp}
        aria-label="Keyboard shortcuts"
        title="Keyboard shortcuts (?)"
        className="flex size-8 items-center justify-center rounded-md text-muted hover:bg-hover hover:text-fg"
      >
        <HelpIcon className="size-[17px]" />
      </button>
    </nav>
  );
}
