import { useEffect, useRef } from "react";

/** The newest data there was: what is shown stays while its successor loads, or fails to. */
export function useLatest<T>(data: T | undefined): T | undefined {
  const latest = useRef<T | undefined>(data);
  useEffect(() => {
    if (data !== undefined) latest.current = data;
  }, [data]);
  return data ?? latest.current;
}
