import { widerPreset } from "@/lib/timeRange";
import { Button } from "@/ui/controls";
import { useTime } from "./useTime";

/** Offers the next longer time range; nothing if there is none. */
export function WidenButton() {
  const { interval, setRelative } = useTime();
  const wider = widerPreset(interval);
  if (!wider) return null;
  return (
    <Button onClick={() => setRelative(wider.text)}>Show the {wider.label.toLowerCase()}</Button>
  );
}
