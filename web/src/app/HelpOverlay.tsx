import { useEffect, useRef } from "react";
import { IconButton } from "@/ui/controls";
import { CloseIcon } from "@/ui/icons";

const KEYS: readonly { title: string; keys: readonly (readonly [string, string])[] }[] = [
  {
    title: "Everywhere",
    keys: [
      ["/", "Query bar"],
      ["t", "Time range"],
      ["g s", "Services"],
      ["g t", "Traces"],
      ["g l", "Logs"],
      ["g m", "Metrics"],
      [".", "Live on or off"],
      ["c", "Copy a link to this view"],
      ["?", "This list"],
    ],
  },
  {
    title: "In lists",
    keys: [
      ["j  k", "Next, previous (also ↓ ↑)"],
      ["Enter", "Open"],
      ["Space", "Expand a log line in place"],
      ["Esc", "Close the panel"],
    ],
  },
  {
    title: "In a trace",
    keys: [
      ["n  N", "Next, previous match or error"],
      ["[  ]", "Fold, unfold"],
      ["e", "Errors only"],
      ["Esc", "Close the panel, then reset the zoom"],
    ],
  },
];

export function HelpOverlay({ onClose }: { onClose: () => void }) {
  const dialog = useRef<HTMLDialogElement>(null);

  useEffect(() => {
    dialog.current?.showModal();
  }, []);

  return (
    <dialog
      ref={dialog}
      aria-label="Keyboard shortcuts"
      onClose={onClose}
      onClick={(event) => {
        if (event.target === event.currentTarget) onClose();
      }}
      onKeyDown={(event) => {
        if (event.key === "Escape") onClose();
      }}
      className="m-auto w-[640px] max-w-[92vw] rounded-lg border border-line bg-raised p-0 text-fg shadow-pop backdrop:bg-black/35"
    >
      <div className="p-5">
        <div className="mb-3 flex items-center justify-between">
          <h2 className="font-semibold text-[14px]">Keyboard shortcuts</h2>
          <IconButton label="Close" onClick={onClose}>
            <CloseIcon />
          </IconButton>
        </div>
        <div className="grid grid-cols-3 gap-6">
          {KEYS.map(({ title, keys }) => (
            <section key={title}>
              <h3 className="mb-1 text-faint">{title}</h3>
              <dl>
                {keys.map(([key, meaning]) => (
                  <div key={key} className="flex items-baseline gap-2 py-0.5">
                    <dt className="w-12 shrink-0">
                      <kbd className="rounded-sm border border-line-strong bg-sunken px-1 font-mono text-[11px]">
                        {key}
                      </kbd>
                    </dt>
                    <dd className="text-muted">{meaning}</dd>
                  </div>
                ))}
              </dl>
            </section>
          ))}
        </div>
      </div>
    </dialog>
  );
}
