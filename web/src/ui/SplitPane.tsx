import { type ReactNode, useRef, useState } from "react";

type Props = {
  /** Where the size is remembered. */
  id: string;
  children: ReactNode;
  /** The panel at the right; absent, the content has the whole width. */
  panel: ReactNode | null;
  defaultWidth?: number;
};

const MIN_PANEL = 320;
const MIN_CONTENT = 440;

function stored(key: string, fallback: number): number {
  const value = Number(localStorage.getItem(key));
  return Number.isFinite(value) && value >= MIN_PANEL ? value : fallback;
}

/** Content with a detail panel at its right; the edge is dragged or moved by arrow keys. */
export function SplitPane({ id, children, panel, defaultWidth = 520 }: Props) {
  const key = `signalbox.split.${id}`;
  const [width, setWidth] = useState(() => stored(key, defaultWidth));
  const frame = useRef<HTMLDivElement>(null);

  function resize(next: number): void {
    const available = frame.current?.clientWidth ?? 1200;
    const clamped = Math.round(
      Math.max(MIN_PANEL, Math.min(next, Math.max(MIN_PANEL, available - MIN_CONTENT))),
    );
    setWidth(clamped);
    localStorage.setItem(key, String(clamped));
  }

  return (
    <div ref={frame} className="flex min-h-0 grow">
      <div className="flex min-w-0 grow flex-col">{children}</div>
      {panel ? (
        <>
          {/* biome-ignore lint/a11y/useSemanticElements: an hr cannot be focused and dragged. */}
          <div
            role="separator"
            aria-orientation="vertical"
            aria-label="Resize the panel"
            aria-valuenow={width}
            aria-valuemin={MIN_PANEL}
            tabIndex={0}
            onPointerDown={(event) => {
              event.currentTarget.setPointerCapture(event.pointerId);
              event.preventDefault();
            }}
            onPointerMove={(event) => {
              if (!event.currentTarget.hasPointerCapture(event.pointerId)) return;
              const right = frame.current?.getBoundingClientRect().right ?? 0;
              resize(right - event.clientX);
            }}
            onKeyDown={(event) => {
              if (event.key === "ArrowLeft") resize(width + 24);
              else if (event.key === "ArrowRight") resize(width - 24);
              else return;
              event.preventDefault();
            }}
            className="-mr-[3px] z-10 w-[6px] shrink-0 cursor-col-resize border-line border-l hover:border-accent focus-visible:border-accent"
          />
          <div
            className="flex min-h-0 shrink-0 flex-col"
            style={{ width, maxWidth: `calc(100% - ${MIN_CONTENT}px)` }}
          >
            {panel}
          </div>
        </>
      ) : null}
    </div>
  );
}
