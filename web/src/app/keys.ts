import { useEffect, useRef } from "react";

/**
 * Keys as KeyboardEvent.key names them; a sequence is written with a space: "g t". A handler that
 * returns false has not used the key: the next component that knows it is asked.
 */
// biome-ignore lint/suspicious/noConfusingVoidType: most handlers have nothing to say.
export type Bindings = Readonly<Record<string, (event: KeyboardEvent) => void | false>>;

const SEQUENCE_MS = 900;

type Layer = { current: Bindings };
const layers: Layer[] = [];
let prefix = "";
let prefixTime = 0;

function isTyping(target: EventTarget | null): boolean {
  return (
    target instanceof HTMLElement &&
    (target.isContentEditable || /^(INPUT|TEXTAREA|SELECT)$/.test(target.tagName))
  );
}

/** Enter and Space belong to the control that has the focus. */
function isPressing(event: KeyboardEvent): boolean {
  return (
    (event.key === "Enter" || event.key === " ") &&
    event.target instanceof Element &&
    event.target.closest("button, a, summary, [role=tab]") !== null
  );
}

function onKeyDown(event: KeyboardEvent): void {
  if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey) return;
  if (isTyping(event.target) || isPressing(event)) return;

  const sequence =
    prefix && event.timeStamp - prefixTime < SEQUENCE_MS ? `${prefix} ${event.key}` : event.key;
  const starts = `${event.key} `;
  const begins = layers.some(({ current }) =>
    Object.keys(current).some((key) => key.startsWith(starts)),
  );
  prefix = begins ? event.key : "";
  prefixTime = event.timeStamp;

  for (const { current } of layers) {
    const handler = current[sequence];
    if (handler && handler(event) !== false) {
      event.preventDefault();
      return;
    }
  }
}

/** Listens for keys anywhere on the page, except while someone types in a field. */
export function useKeys(bindings: Bindings): void {
  const layer = useRef(bindings);
  layer.current = bindings;

  useEffect(() => {
    if (layers.length === 0) window.addEventListener("keydown", onKeyDown);
    layers.push(layer);
    return () => {
      layers.splice(layers.indexOf(layer), 1);
      if (layers.length === 0) window.removeEventListener("keydown", onKeyDown);
    };
  }, []);
}
