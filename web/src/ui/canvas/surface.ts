import { useCallback, useEffect, useRef, useState } from "react";
import { useTheme } from "@/app/theme";

/** A canvas context scaled to device pixels and cleared; all drawing is in CSS pixels. */
export function prepare(
  canvas: HTMLCanvasElement,
  width: number,
  height: number,
): CanvasRenderingContext2D | null {
  const ratio = window.devicePixelRatio || 1;
  const pixelWidth = Math.max(1, Math.round(width * ratio));
  const pixelHeight = Math.max(1, Math.round(height * ratio));
  if (canvas.width !== pixelWidth) canvas.width = pixelWidth;
  if (canvas.height !== pixelHeight) canvas.height = pixelHeight;
  const context = canvas.getContext("2d");
  if (!context) return null;
  context.setTransform(ratio, 0, 0, ratio, 0, 0);
  context.clearRect(0, 0, width, height);
  return context;
}

/** Turns "var(--name)" into the colour that it stands for in the current theme. */
export type Palette = (color: string) => string;

/** A canvas cannot read CSS variables; this resolves them once per theme. */
export function usePalette(): Palette {
  const theme = useTheme();
  const cache = useRef<{ theme: string; colors: Map<string, string> }>({
    theme: "",
    colors: new Map(),
  });
  return useCallback(
    (color: string) => {
      if (cache.current.theme !== theme) cache.current = { theme, colors: new Map() };
      const { colors } = cache.current;
      const known = colors.get(color);
      if (known) return known;
      const name = /^var\((--[\w-]+)\)$/.exec(color)?.[1];
      const value = name
        ? getComputedStyle(document.documentElement).getPropertyValue(name).trim()
        : color;
      colors.set(color, value);
      return value;
    },
    [theme],
  );
}

/** The size of an element's content, kept up to date. */
export function useSize<E extends HTMLElement>() {
  const [element, setElement] = useState<E | null>(null);
  const [size, setSize] = useState({ width: 0, height: 0 });
  useEffect(() => {
    if (!element) return;
    const observer = new ResizeObserver(() =>
      setSize({ width: element.clientWidth, height: element.clientHeight }),
    );
    observer.observe(element);
    return () => observer.disconnect();
  }, [element]);
  return { ref: setElement, element, ...size };
}
