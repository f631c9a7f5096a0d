import type { ReactNode } from "react";

type Props = { className?: string };

function icon(paths: ReactNode) {
  return function Icon({ className = "size-4" }: Props) {
    return (
      <svg
        viewBox="0 0 16 16"
        className={className}
        fill="none"
        stroke="currentColor"
        strokeWidth="1.4"
        strokeLinecap="round"
        strokeLinejoin="round"
        aria-hidden="true"
      >
        {paths}
      </svg>
    );
  };
}

export const ServicesIcon = icon(
  <>
    <rect x="2" y="2.5" width="12" height="4.5" rx="1.2" />
    <rect x="2" y="9" width="12" height="4.5" rx="1.2" />
    <path d="M4.5 4.8h.01M4.5 11.3h.01" />
  </>,
);
export const TracesIcon = icon(<path d="M2 3.5h7M5 8h8M4 12.5h5" strokeWidth="2" />);
export const LogsIcon = icon(<path d="M2.5 3h11M2.5 6.3h8M2.5 9.7h11M2.5 13h6" />);
export const MetricsIcon = icon(<path d="M2 13.5h12M2.5 10.5l3-4 3 2.5 5-6" />);
export const SearchIcon = icon(
  <>
    <circle cx="7" cy="7" r="4.2" />
    <path d="M10.2 10.2 14 14" />
  </>,
);
export const ClockIcon = icon(
  <>
    <circle cx="8" cy="8" r="5.8" />
    <path d="M8 4.8V8l2.2 1.6" />
  </>,
);
export const RefreshIcon = icon(<path d="M13.2 6.5A5.5 5.5 0 1 0 13.5 9M13.5 2.8v3.7H9.8" />);
export const ChevronIcon = icon(<path d="m6 4 4 4-4 4" />);
export const DownIcon = icon(<path d="m4 6 4 4 4-4" />);
export const CloseIcon = icon(<path d="m4 4 8 8M12 4l-8 8" />);
export const ErrorIcon = icon(
  <>
    <circle cx="8" cy="8" r="6" fill="currentColor" stroke="none" />
    <path d="M8 4.8v3.7M8 11h.01" stroke="var(--bg)" strokeWidth="1.7" />
  </>,
);
export const WarnIcon = icon(<path d="M8 2.5 14.2 13H1.8L8 2.5ZM8 6.6v3M8 11.3h.01" />);
export const CopyIcon = icon(
  <>
    <rect x="5.5" y="5.5" width="8" height="8" rx="1.4" />
    <path d="M10.5 5.5v-2a1 1 0 0 0-1-1h-6a1 1 0 0 0-1 1v6a1 1 0 0 0 1 1h2" />
  </>,
);
export const FilterInIcon = icon(
  <>
    <circle cx="8" cy="8" r="5.8" />
    <path d="M5.2 8h5.6M8 5.2v5.6" />
  </>,
);
export const FilterOutIcon = icon(
  <>
    <circle cx="8" cy="8" r="5.8" />
    <path d="M5.2 8h5.6" />
  </>,
);
export const LinkIcon = icon(
  <path d="M6.8 9.2a2.6 2.6 0 0 0 3.7 0l2.2-2.2A2.6 2.6 0 1 0 9 3.3l-.9.9M9.2 6.8a2.6 2.6 0 0 0-3.7 0L3.3 9A2.6 2.6 0 1 0 7 12.7l.9-.9" />,
);
export const ThemeIcon = icon(
  <>
    <circle cx="8" cy="8" r="5.5" />
    <path d="M8 2.5a5.5 5.5 0 0 1 0 11Z" fill="currentColor" stroke="none" />
  </>,
);
export const HelpIcon = icon(
  <>
    <circle cx="8" cy="8" r="5.8" />
    <path d="M6.3 6.3a1.8 1.8 0 1 1 2.6 1.7c-.6.3-.9.6-.9 1.2M8 11.3h.01" />
  </>,
);
export const OpenIcon = icon(<path d="M6 3.5H3.5v9h9V10M9 3h4v4M13 3 7.5 8.5" />);
