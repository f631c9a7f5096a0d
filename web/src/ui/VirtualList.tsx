import { useVirtualizer } from "@tanstack/react-virtual";
import { type ReactNode, useEffect, useRef } from "react";
import { holdLive } from "@/app/clock";
import { useKeys } from "@/app/keys";

type Props<T> = {
  label: string;
  items: readonly T[];
  itemKey: (item: T, index: number) => string;
  rowHeight: number;
  /** Rows may grow: their real height is measured. */
  measured?: boolean;
  selected: number;
  onSelect: (index: number) => void;
  onOpen?: (index: number) => void;
  renderRow: (item: T, index: number) => ReactNode;
  header?: ReactNode;
  /** Old rows that new ones will replace. */
  dimmed?: boolean;
  onEnd?: (() => void) | undefined;
  footer?: ReactNode;
};

/** A list of any length; only what is seen is in the document. */
export function VirtualList<T>({
  label,
  items,
  itemKey,
  rowHeight,
  measured = false,
  selected,
  onSelect,
  onOpen,
  renderRow,
  header,
  dimmed = false,
  onEnd,
  footer,
}: Props<T>) {
  const scroller = useRef<HTMLDivElement>(null);
  const virtual = useVirtualizer({
    count: items.length,
    getScrollElement: () => scroller.current,
    estimateSize: () => rowHeight,
    overscan: 12,
    getItemKey: (index) => {
      const item = items[index];
      return item === undefined ? index : itemKey(item, index);
    },
  });
  const rows = virtual.getVirtualItems();
  const last = rows.at(-1)?.index ?? -1;

  useEffect(() => {
    if (last >= items.length - 1 && items.length > 0) onEnd?.();
  }, [last, items.length, onEnd]);

  function move(step: number): void {
    if (items.length === 0) return;
    const next = Math.min(items.length - 1, Math.max(0, selected + step));
    onSelect(next);
    virtual.scrollToIndex(next);
  }

  useKeys({
    j: () => move(1),
    k: () => move(-1),
    ArrowDown: () => move(1),
    ArrowUp: () => move(-1),
    PageDown: () => move(20),
    PageUp: () => move(-20),
    Enter: () => (selected >= 0 && onOpen ? onOpen(selected) : false),
  });

  return (
    <div
      ref={scroller}
      className="min-h-0 grow overflow-auto"
      onScroll={(event) => holdLive(event.currentTarget.scrollTop > 4)}
    >
      {header}
      {/* biome-ignore lint/a11y/useSemanticElements: rows are positioned, which an <ol> of them is too. */}
      <div
        role="list"
        aria-label={label}
        className={`relative transition-opacity duration-100 ${dimmed ? "opacity-55 delay-150" : ""}`}
        style={{ height: virtual.getTotalSize() }}
      >
        {rows.map(({ index, key, start }) => {
          const item = items[index];
          if (item === undefined) return null;
          return (
            // biome-ignore lint/a11y/useSemanticElements: see above.
            <div
              key={key}
              role="listitem"
              data-index={index}
              ref={measured ? virtual.measureElement : undefined}
              className="absolute inset-x-0 top-0"
              style={{
                transform: `translateY(${start}px)`,
                ...(measured ? {} : { height: rowHeight }),
              }}
            >
              {renderRow(item, index)}
            </div>
          );
        })}
      </div>
      {footer}
    </div>
  );
}
