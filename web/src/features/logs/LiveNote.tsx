import { formatCount } from "@/lib/format";
import type { LiveRows } from "./useLiveRows";

type Props = Pick<LiveRows, "open" | "waiting" | "missed">;

/** How far the list is behind what is received. */
export function LiveNote({ open, waiting, missed }: Props) {
  if (!open) return null;
  return (
    <span role="status" className="flex min-w-0 gap-3 truncate text-muted">
      {waiting > 0 ? <span>{formatCount(waiting)} new at the top</span> : null}
      {missed > 0 ? (
        <span className="text-warn" title="They are shown when the list is loaded again">
          {formatCount(missed)} came too fast to show at once
        </span>
      ) : null}
    </span>
  );
}
